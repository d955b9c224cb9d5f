/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An assertion and no condition: whoever starts the unit is told that it failed, and systemctl status shows which. The
 * mark alone decides whether it may be started, so that a hold ends the moment it is removed; what is left of the
 * drop-in then, systemd forgets as soon as it was swept up.
 */
#include "src/worker/hold-place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "src/worker/runtime-folder.h"
#include "src/worker/unit-mark.h"

#define DROP_IN_LIMIT_BYTES 8192

/* In paths of units "%" begins a specifier; %n is the unit's own name. A service that systemd restarts by itself is
 * started without a look at its assertions (it counts as starting all the time), so it must not be. */
static int write_text(const char *runtime_dir, const char *unit, char *buffer, size_t size_bytes) {
        const char *service = text_ends_with(unit, ".service")
                                      ? "\n[Service]\nRestart=no\nRestartForceExitStatus=\n" : "";


        if (strchr(runtime_dir, '%') || strchr(runtime_dir, '\n') || runtime_dir[0] != '/')
                return -EINVAL;
        buffer[0] = 0;
        return text_append_format(buffer, size_bytes,
                                  "# Written by healerd: this unit was ended because a file system that it used is\n"
                                  "# sick. It may not be started until that is over, or: healerctl unhold UNIT\n"
                                  "[Unit]\n"
                                  "Documentation=man:healer-worker(8)\n"
                                  "AssertPathExists=!%s/" UNIT_MARKS_HELD "/%%n\n%s",
                                  runtime_dir, service);
}

static int folder_of(const char *units_folder, const char *unit, char *buffer, size_t size_bytes) {
        return snprintf(buffer, size_bytes, "%s/%s.d", units_folder, unit) < (int) size_bytes ? 0 : -ENAMETOOLONG;
}

int hold_write_drop_in(const char *units_folder, const char *runtime_dir, const char *unit) {
        char text[PATH_MAX], folder[PATH_MAX], path[PATH_MAX + 64];
        int r;

        r = write_text(runtime_dir, unit, text, sizeof(text));
        if (r >= 0)
                r = folder_of(units_folder, unit, folder, sizeof(folder));
        if (r < 0)
                return r;
        /* systemd makes its folder at boot, if it needs it. */
        if ((mkdir(units_folder, 0755) < 0 && errno != EEXIST) || (mkdir(folder, 0755) < 0 && errno != EEXIST))
                return -errno;
        (void) chmod(folder, 0755);
        (void) snprintf(path, sizeof(path), "%s/" HOLD_DROP_IN, folder);
        return file_write_atomic(path, text, strlen(text), 0644);
}

static bool is_ours(int folder_fd, const char *runtime_dir, const char *unit) {
        _cleanup_(free_at) char *text = NULL;
        char wanted[PATH_MAX];
        size_t length;

        return file_read(folder_fd, HOLD_DROP_IN, DROP_IN_LIMIT_BYTES, &text, &length) >= 0 &&
               write_text(runtime_dir, unit, wanted, sizeof(wanted)) >= 0 && text_equal(text, wanted);
}

/* @name: "UNIT.d". Returns 1 if its drop-in was removed. */
static int sweep_one(int units_fd, const char *name, const char *runtime_dir, int marks_fd) {
        _cleanup_(close_fd_at) int folder_fd = -EBADF;
        char unit[UNIT_NAME_SIZE];
        WorkerHold mark;

        if (!text_ends_with(name, ".d") || text_copy(unit, sizeof(unit), name) < 0)
                return 0;
        unit[strlen(unit) - strlen(".d")] = 0;
        folder_fd = openat(units_fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        if (folder_fd < 0 || !is_ours(folder_fd, runtime_dir, unit) || unit_mark_read(marks_fd, unit, &mark) >= 0)
                return 0;
        if (unlinkat(folder_fd, HOLD_DROP_IN, 0) < 0)
                return -errno;
        /* Others may have drop-ins there. */
        (void) unlinkat(units_fd, name, AT_REMOVEDIR);
        return 1;
}

int hold_sweep_folder(const char *units_folder, const char *runtime_dir) {
        _cleanup_(close_fd_at) int marks_fd = runtime_folder_open(runtime_dir, UNIT_MARKS_HELD);
        _cleanup_(closedir_at) DIR *units = opendir(units_folder);
        const struct dirent *entry;
        int n = 0, r = 0;

        if (marks_fd < 0)
                return marks_fd;
        if (!units)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && (entry = readdir(units))) {
                r = sweep_one(dirfd(units), entry->d_name, runtime_dir, marks_fd);
                n += r > 0;
        }
        return r < 0 ? r : n;
}

int hold_sweep(const char *runtime_dir) {
        sd_bus *bus = NULL;
        int r;

        r = hold_sweep_folder(HOLD_UNITS_FOLDER, runtime_dir);
        if (r <= 0)
                return r;
        r = unit_bus_open(&bus, NULL);
        if (r >= 0)
                r = unit_bus_reload(bus, NULL);
        unit_bus_close(bus);
        return r;
}

static bool can_be_held(Target *target) {
        const char *unit = target->planned->workload.unit;

        if (target->is_container)
                (void) text_copy(target->detail, sizeof(target->detail),
                                 "its runtime may start it again: a container cannot be held");
        else if (text_ends_with(unit, ".scope"))
                (void) text_copy(target->detail, sizeof(target->detail), "a scope is not started again by its name");
        else
                return target->is_unit;
        return false;
}

static int hold_one(Target *target, const FailTask *task, int marks_fd) {
        const WorkerFailRequest *request = &task->request;
        WorkerHold mark = {
                .job_id = request->job_id,
                .event_id = request->event_id,
                .since_realtime_usec = clock_realtime_usec(),
                .until_boottime_usec = USEC_INFINITY,
                .has_uuid = task->has_uuid,
        };
        int r;

        if (request->scope.hold_usec != WORKLOAD_HOLD_UNTIL_CLEAR)
                mark.until_boottime_usec = clock_boottime_usec() + request->scope.hold_usec;
        memcpy(mark.uuid, task->uuid, UUID_SIZE);
        (void) text_copy(mark.unit, sizeof(mark.unit), target->planned->workload.unit);
        (void) text_copy(mark.rule_id, sizeof(mark.rule_id), request->rule_id);
        r = unit_mark_write(marks_fd, &mark);
        if (r >= 0)
                r = hold_write_drop_in(HOLD_UNITS_FOLDER, task->runtime_dir, mark.unit);
        target->is_held = r >= 0;
        return r;
}

/* Those that were held before stay so: their mark is of another job. */
static void undo(TargetList *list, const FailTask *task, int marks_fd) {
        for (size_t i = 0; i < list->n; i++) {
                Target *target = list->targets + i;
                WorkerHold mark;

                target->is_held = false;
                if (marks_fd >= 0 && unit_mark_read(marks_fd, target->planned->workload.unit, &mark) >= 0 &&
                    mark.job_id == task->request.job_id)
                        (void) unit_mark_remove(marks_fd, mark.unit);
        }
        (void) hold_sweep(task->runtime_dir);
}

int hold_place(TargetList *list, sd_bus *bus, const FailTask *task, char *problem) {
        _cleanup_(close_fd_at) int marks_fd = runtime_folder_open(task->runtime_dir, UNIT_MARKS_HELD);
        size_t n_held = 0;
        int r = min_of(marks_fd, 0);

        for (size_t i = 0; i < list->n && r >= 0; i++) {
                Target *target = list->targets + i;

                if (target->stage != TARGET_CHOSEN || !can_be_held(target))
                        continue;
                r = hold_one(target, task, marks_fd);
                n_held++;
        }
        if (r >= 0 && n_held > 0)
                r = unit_bus_reload(bus, problem);
        if (r < 0) {
                undo(list, task, marks_fd);
                if (!problem[0])
                        (void) text_copy(problem, JOB_DETAIL_SIZE,
                                         "they cannot be kept from being started again, so none was ended");
        }
        return r;
}
