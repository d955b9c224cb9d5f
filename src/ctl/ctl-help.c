/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl --help`, made of the tables of verbs, options and exit codes; no line is longer than 80
 * places in English.
 */
#include <stdio.h>

#include "src/basic/macro.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-verb.h"

typedef struct ExitMeaning {
        CtlExit exit_code;
        const char *help;
} ExitMeaning;

static const ExitMeaning exits[] = {
        { CTL_EXIT_OK, N_("done; watched; no problem found") },
        { CTL_EXIT_NO, N_("no: not watched, damage found, policy with warnings") },
        { CTL_EXIT_USAGE, N_("the command line or the policy is wrong") },
        { CTL_EXIT_NO_DAEMON, N_("healerd or the system bus cannot be reached") },
        { CTL_EXIT_REFUSED, N_("not authorised, or refused for safety") },
        { CTL_EXIT_JOB_FAILED, N_("the job ended without success") },
        { CTL_EXIT_NO_FILESYSTEM, N_("no such file system, or not a mount point") },
        { CTL_EXIT_FAILED, N_("anything else") },
        { CTL_EXIT_INTERRUPTED, N_("interrupted while waiting for a job") },
};

static void print_verbs(void) {
        size_t n;
        const CtlVerb *verbs = ctl_verbs(&n);

        for (size_t i = 0; i < n; i++) {
                char name[32], usage[64];

                if (!verbs[i].arguments)
                        continue;
                (void) snprintf(usage, sizeof(usage), "%s %s", ctl_verb_name(verbs + i, name), verbs[i].arguments);
                printf("  %-27s %s\n", usage, _(verbs[i].help));
        }
}

static void print_options(void) {
        size_t n;
        const CtlOption *options = ctl_options(&n);

        for (size_t i = 0; i < n; i++) {
                char usage[64];

                (void) snprintf(usage, sizeof(usage), "%c%c%s --%s%s%s",
                                options[i].letter ? '-' : ' ', options[i].letter ? options[i].letter : ' ',
                                options[i].letter ? "," : " ", options[i].name,
                                options[i].argument ? "=" : "", options[i].argument ? options[i].argument : "");
                printf("  %-27s %s\n", usage, _(options[i].help));
        }
}

CtlExit ctl_help(const CtlRequest *request _unused_) {
        printf("healerctl [OPTIONS...] COMMAND\n\n%s\n\n%s\n",
               _("Look at and steer healerd, which watches file systems and heals them."),
               _("Commands (without one: status):"));
        print_verbs();
        printf("\n%s\n\n%s\n", _("FS is a mount point, a device or a UUID."), _("Options:"));
        print_options();
        printf("\n%s\n", _("Exit codes:"));
        for (size_t i = 0; i < ELEMENTSOF(exits); i++)
                printf("  %3d  %s\n", (int) exits[i].exit_code, _(exits[i].help));
        printf("\n%s\n", _("More: healerctl(1), healer-policy(5), org.xfs.Healer(5)"));
        return CTL_EXIT_OK;
}

CtlExit ctl_version(const CtlRequest *request _unused_) {
        printf("healerctl %s\n", HEALER_VERSION);
        return CTL_EXIT_OK;
}
