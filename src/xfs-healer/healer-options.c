/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row for each option.
 */

#include "src/xfs-healer/healer-options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/basic/unit-name.h"

/* What xfsprogs calls its units. */
#define SERVICE_TEMPLATE "xfs_healer@.service"

const char healer_usage[] =
        "Usage: xfs_healer [OPTION…] MOUNT\n"
        "\n"
        "Watches the XFS mounted at MOUNT and repairs what the kernel finds to be damaged.\n"
        "From healerd, in the place of the program of the same name of xfsprogs.\n"
        "\n"
        "  --debug                say more\n"
        "  --everything           tell of what was known before as well\n"
        "  --foreground           taken for compatibility: nothing waits here anyway\n"
        "  --help                 this text\n"
        "  --no-autofsck          do not look at the property autofsck: only report\n"
        "  --quiet                do not tell of each report\n"
        "  --repair               repair, whatever the property autofsck says\n"
        "  --supported            end at once; the exit status says whether it could watch\n"
        "  --svcname              print the name of the unit for MOUNT\n"
        "  -V                     the version\n"
        "\n"
        "Exit status: 0 it was unmounted, or is supported; 1 not supported, or an error.\n"
        "With --supported: 1 not supported or disabled, 255 an error.\n";

/* Values of getopt_long() beyond those of letters. */
enum {
        OPTION_DEBUG = 0x100,
        OPTION_EVERYTHING,
        OPTION_FOREGROUND,
        OPTION_HELP,
        OPTION_NO_AUTOFSCK,
        OPTION_QUIET,
        OPTION_REPAIR,
        OPTION_SUPPORTED,
        OPTION_SVCNAME,
};

static const struct option long_options[] = {
        { "debug", no_argument, NULL, OPTION_DEBUG },
        { "everything", no_argument, NULL, OPTION_EVERYTHING },
        { "foreground", no_argument, NULL, OPTION_FOREGROUND },
        { "help", no_argument, NULL, OPTION_HELP },
        { "no-autofsck", no_argument, NULL, OPTION_NO_AUTOFSCK },
        { "quiet", no_argument, NULL, OPTION_QUIET },
        { "repair", no_argument, NULL, OPTION_REPAIR },
        { "supported", no_argument, NULL, OPTION_SUPPORTED },
        { "svcname", no_argument, NULL, OPTION_SVCNAME },
        {}
};

/* False: the usage is to be said. */
static bool take_option(HealerOptions *options, int option) {
        switch (option) {
        case OPTION_DEBUG:
                options->says_more = true;
                return true;
        case OPTION_EVERYTHING:
                options->everything = true;
                return true;
        case OPTION_FOREGROUND:
                return true;
        case OPTION_NO_AUTOFSCK:
                options->ignores_autofsck = true;
                return true;
        case OPTION_QUIET:
                options->is_quiet = true;
                return true;
        case OPTION_REPAIR:
                options->repairs = true;
                return true;
        case OPTION_SUPPORTED:
                /* A name is asked for without looking at anything. */
                if (options->task == HEALER_WATCH)
                        options->task = HEALER_SAY_SUPPORTED;
                return true;
        case OPTION_SVCNAME:
                options->task = HEALER_SAY_SERVICE;
                return true;
        default:
                return false;
        }
}

HealerOptions healer_options_parse(int argc, char *argv[]) {
        HealerOptions options = {};
        int option;

        optind = 0;
        while ((option = getopt_long(argc, argv, "V", long_options, NULL)) >= 0) {
                if (option == 'V')
                        return (HealerOptions) { .task = HEALER_SAY_VERSION };
                if (!take_option(&options, option))
                        return (HealerOptions) { .task = HEALER_SAY_USAGE };
        }
        if (optind + 1 != argc)
                return (HealerOptions) { .task = HEALER_SAY_USAGE };

        options.mount_point = argv[optind];
        return options;
}

int healer_service_name(const char *mount_point, char **ret_name) {
        char path[PATH_MAX] = "";
        size_t length;

        for (const char *component = mount_point; *component; component += length) {
                component += strspn(component, "/");
                length = strcspn(component, "/");
                if (length == 0 || (length == 1 && component[0] == '.'))
                        continue;
                if (text_append_format(path, sizeof(path), "/%.*s", (int) length, component) < 0)
                        return -ENAMETOOLONG;
        }

        return unit_name_from_path(SERVICE_TEMPLATE, path[0] ? path : "/", ret_name);
}
