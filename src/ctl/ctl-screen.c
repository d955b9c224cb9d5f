/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/ctl/ctl-screen.h"

#include <langinfo.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

static bool is_terminal, has_colors;
static size_t width;

static bool wants_colors(void) {
        static const char *const noes[] = { "0", "no", "n", "false", "f", "off" };
        const char *said = getenv("SYSTEMD_COLORS"), *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

        if (said && *said) {
                for (size_t i = 0; i < ELEMENTSOF(noes); i++)
                        if (strcasecmp(said, noes[i]) == 0)
                                return false;
                return true;
        }
        return is_terminal && (!no_color || !*no_color) && terminal && !text_equal(terminal, "dumb");
}

void ctl_screen_init(bool is_full) {
        struct winsize size;

        is_terminal = isatty(STDOUT_FILENO);
        has_colors = wants_colors();
        width = 0;
        if (!is_full && is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0)
                width = size.ws_col;
}

bool ctl_screen_is_terminal(void) {
        return is_terminal;
}

size_t ctl_screen_width(FILE *stream) {
        return stream == stdout ? width : 0;
}

const char *ctl_screen_color(CtlColor color, FILE *stream) {
        static const char *const begins[] = {
                [CTL_COLOR_NONE] = "\x1b[0m",
                [CTL_COLOR_HEADING] = "\x1b[4m",
                [CTL_COLOR_GOOD] = "\x1b[32m",
                [CTL_COLOR_WARNING] = "\x1b[33m",
                [CTL_COLOR_BAD] = "\x1b[1;31m",
        };

        return has_colors && stream == stdout ? begins[color] : "";
}

const char *ctl_screen_ellipsis(void) {
        return text_equal(nl_langinfo(CODESET), "UTF-8") ? "\xe2\x80\xa6" : "...";
}
