/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl takeover` and `healerctl release`: who watches file systems on this machine, healerd or xfs_healer of
 * xfsprogs. One program can listen to a file system, and both may be installed. Each step is one that was done already
 * or is done now, so that both can be called again at any time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-dropin.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-systemd.h"
#include "src/ctl/ctl-verb.h"

/* Where an administrator's drop-ins are, whatever prefix we were built for. */
#define UNITS_DIR "/etc/systemd/system"
#define SOURCE_DIR HEALER_PREFIX "/lib/xfs_healer/takeover"

/* As long as it is there, healerd.service is skipped whoever starts it: the boot, an update, a call on the bus. */
#define CONFIGURATION_DIR HEALER_SYSCONFDIR "/xfs_healer"
#define RELEASED_FILE CONFIGURATION_DIR "/released"

#define DAEMON_UNIT "healerd.service"
#define STARTER_UNIT "xfs_healer_start.service"
#define INSTANCE_PREFIX "xfs_healer@"

/* Each socket before its service: nothing may bring it back. */
static const char *const our_units[] = {
        DAEMON_UNIT,
        "healer-worker.socket", "healer-worker.service",
        "healer-recorder.socket", "healer-recorder.service",
};

typedef struct Change {
        CtlSystemd systemd;
        bool dry_run;
        CtlExit exit_code;              /* of the first thing that went wrong; the rest is done all the same */
} Change;

static void fail(Change *change, CtlExit exit_code) {
        if (change->exit_code == CTL_EXIT_OK)
                change->exit_code = exit_code;
}

/* @now and @would: marked for translation. */
static void say(const Change *change, const char *now, const char *would, const char *what) {
        printf("%s ", change->dry_run ? _(would) : _(now));
        ctl_print_safe(stdout, what);
        putchar('\n');
}

static CtlExit change_begin(Change *change, const CtlRequest *request) {
        *change = (Change) { .dry_run = request->options & CTL_OPTION_DRY_RUN };

        if (!change->dry_run && geteuid() != 0) {
                ctl_complain(NULL, "this needs root; --dry-run does not");
                return CTL_EXIT_REFUSED;
        }

        return ctl_systemd_open(&change->systemd);
}

static CtlExit change_end(Change *change, const char *done) {
        if (change->exit_code == CTL_EXIT_OK && !change->dry_run)
                puts(change->systemd.bus ? _(done) : _("systemd does not run here; the rest happens at the next boot"));
        ctl_systemd_close(&change->systemd);
        return change->exit_code;
}

static void stop_unit(CtlSystemd *systemd, const char *unit, void *userdata) {
        Change *change = userdata;

        say(change, N_("stopping"), N_("would stop"), unit);
        if (!change->dry_run && ctl_systemd_run_job(systemd, "StopUnit", unit) < 0)
                fail(change, CTL_EXIT_JOB_FAILED);
}

static void start_unit(CtlSystemd *systemd, const char *unit, void *userdata) {
        Change *change = userdata;

        say(change, N_("starting"), N_("would start"), unit);
        if (!change->dry_run && ctl_systemd_run_job(systemd, "StartUnit", unit) < 0)
                fail(change, CTL_EXIT_JOB_FAILED);
}

static void stop_if_active(Change *change, const char *unit) {
        bool is_active;

        if (ctl_systemd_is_active(&change->systemd, unit, &is_active) < 0)
                fail(change, CTL_EXIT_FAILED);
        else if (is_active)
                stop_unit(&change->systemd, unit, change);
}

static void change_dropins(Change *change, bool is_link) {
        const CtlDropin *dropins;
        size_t n;

        dropins = ctl_dropins(&n);
        for (size_t i = 0; i < n; i++) {
                CtlDropinResult result;
                char path[PATH_MAX];
                int r;

                r = is_link ? ctl_dropin_link(dropins + i, UNITS_DIR, SOURCE_DIR, change->dry_run, &result, path)
                            : ctl_dropin_unlink(dropins + i, UNITS_DIR, change->dry_run, &result, path);
                if (r == -ENOENT) {
                        ctl_complain(SOURCE_DIR, "%s is not installed", dropins[i].source);
                        fail(change, CTL_EXIT_FAILED);
                } else if (r < 0) {
                        if (is_link)
                                ctl_complain(path, "cannot link it: %s", strerror(-r));
                        else
                                ctl_complain(path, "cannot remove it: %s", strerror(-r));
                        fail(change, CTL_EXIT_FAILED);
                } else if (result == CTL_DROPIN_FOREIGN) {
                        printf("%s ", _("left as it is, not ours:"));
                        ctl_print_safe(stdout, path);
                        putchar('\n');
                } else if (result == CTL_DROPIN_CHANGED) {
                        say(change, is_link ? N_("linked") : N_("removed"),
                            is_link ? N_("would link") : N_("would remove"), path);
                }
        }

        /* Even if all were there: what put them there may have been interrupted before this. */
        if (!change->dry_run && ctl_systemd_reload(&change->systemd) < 0)
                fail(change, CTL_EXIT_FAILED);
}

/* Returns 0; or a negative errno after saying what is wrong. */
static int mark_released(Change *change, bool is_released) {
        static const char text[] = "# Made by \"healerctl release\"; \"healerctl takeover\" removes it.\n";
        bool is_there = access(RELEASED_FILE, F_OK) == 0;
        int r = 0;

        if (is_there == is_released)
                return 0;
        say(change, is_released ? N_("made") : N_("removed"), is_released ? N_("would make") : N_("would remove"),
            RELEASED_FILE);
        if (change->dry_run)
                return 0;

        if (!is_released && unlink(RELEASED_FILE) < 0)
                r = -errno;
        if (is_released && mkdir(CONFIGURATION_DIR, 0755) < 0 && errno != EEXIST)
                r = -errno;
        if (is_released && r >= 0)
                r = file_write_atomic(RELEASED_FILE, text, strlen(text), 0644);
        if (r < 0)
                ctl_complain(RELEASED_FILE, "%s", strerror(-r));
        return r;
}

/* A start that a condition forbids counts as done; so it is looked at once more. */
static int start_ours(Change *change) {
        bool is_active;
        int r;

        r = ctl_systemd_is_active(&change->systemd, DAEMON_UNIT, &is_active);
        if (r < 0 || is_active)
                return r;

        start_unit(&change->systemd, DAEMON_UNIT, change);
        if (change->dry_run)
                return 0;
        r = ctl_systemd_is_active(&change->systemd, DAEMON_UNIT, &is_active);
        return r >= 0 && !is_active ? -ESRCH : r;
}

CtlExit ctl_takeover(const CtlRequest *request) {
        bool was_released = access(RELEASED_FILE, F_OK) == 0;
        CtlExit exit_code;
        Change change;
        int r;

        exit_code = change_begin(&change, request);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        /* First of all: the others are sent away only by somebody who can do their work. */
        r = mark_released(&change, false);
        if (r >= 0 && change.systemd.bus)
                r = start_ours(&change);
        if (r < 0) {
                (void) mark_released(&change, was_released);
                ctl_complain(NULL, "healerd does not run, so nothing was changed");
                fail(&change, CTL_EXIT_JOB_FAILED);
                return change_end(&change, "");
        }

        change_dropins(&change, true);
        if (change.exit_code != CTL_EXIT_OK)
                return change_end(&change, "");

        /* The starter before what it starts. */
        stop_if_active(&change, STARTER_UNIT);
        if (ctl_systemd_for_each_active(&change.systemd, INSTANCE_PREFIX "*.service", stop_unit, &change) < 0)
                fail(&change, CTL_EXIT_FAILED);

        return change_end(&change, N_("healerd watches; the units of xfsprogs stand back"));
}

/* The descriptor store of healerd holds its monitors, which nobody else can open while they are open. */
static void stop_ours(Change *change) {
        for (size_t i = 0; i < ELEMENTSOF(our_units); i++)
                stop_if_active(change, our_units[i]);
        if (!change->dry_run && ctl_systemd_drop_descriptors(&change->systemd, DAEMON_UNIT) < 0)
                fail(change, CTL_EXIT_FAILED);
}

/* The starter finds all that is mounted. Where it is not wanted, single file systems may be. */
static void start_theirs(Change *change) {
        bool is_enabled;
        int r;

        r = ctl_systemd_is_enabled(&change->systemd, STARTER_UNIT, &is_enabled);
        if (r >= 0 && is_enabled)
                start_unit(&change->systemd, STARTER_UNIT, change);
        else if (r >= 0)
                r = ctl_systemd_for_each_wanted(&change->systemd, INSTANCE_PREFIX, start_unit, change);
        if (r < 0)
                fail(change, CTL_EXIT_FAILED);
}

CtlExit ctl_release(const CtlRequest *request) {
        CtlExit exit_code;
        Change change;

        exit_code = change_begin(&change, request);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        if (mark_released(&change, true) < 0)
                fail(&change, CTL_EXIT_FAILED);
        change_dropins(&change, false);
        stop_ours(&change);
        start_theirs(&change);
        return change_end(&change, N_("healerd stands back"));
}
