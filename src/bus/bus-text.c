/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-text.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-text.h"

/* What escaping makes of one byte: \xHH. */
#define ESCAPE_GROWTH 3

int bus_text_clean(const char *text, BusTextForm form, char **ret_clean) {
        _cleanup_(free_at) char *escaped = NULL;
        size_t n_harmless = 0;

        if (!text)
                text = "";

        escaped = text_escape(text, strlen(text));
        if (!escaped)
                return -ENOMEM;

        for (const char *c = text; *c; c++)
                if (*c == '\\' || (*c == '\n' && form == BUS_TEXT_LINES))
                        n_harmless++;

        /* Nothing but harmless bytes grew: the text itself can be sent, and nobody has to undo the escapes. */
        if (strlen(escaped) == strlen(text) + ESCAPE_GROWTH * n_harmless) {
                char *copy = strdup(text);

                if (!copy)
                        return -ENOMEM;
                *ret_clean = copy;
                return 0;
        }

        *ret_clean = steal_ptr(escaped);
        return 0;
}

/* Length of @name if @text begins with it and it ends there, else 0: below a mount point there are files. */
static size_t name_length(const char *text, const char *name) {
        size_t length = name ? strlen(name) : 0;

        if (length == 0 || !text_starts_with(text, name))
                return 0;
        if (text[length] == '\0' || isspace((unsigned char) text[length]) || strchr(":,;)'\"", text[length]))
                return length;
        /* The end of a sentence. */
        if (text[length] == '.' && (text[length + 1] == '\0' || text[length + 1] == ' '))
                return length;
        return 0;
}

static size_t known_name_length(const char *text, const Filesystem *filesystem) {
        size_t length;

        /* What to type is told to whoever may see that it has to be typed. */
        length = name_length(text, HEALER_LIBEXECDIR "/healer-worker");
        if (!filesystem)
                return length;

        if (length == 0)
                length = name_length(text, filesystem->facts.device);
        for (size_t i = 0; i < filesystem->facts.n_mounts && length == 0; i++)
                length = name_length(text, filesystem->facts.mounts[i]);

        return length;
}

bool bus_text_is_public(const char *text, const Filesystem *filesystem) {
        for (const char *c = text; *c;) {
                size_t length;

                if (*c != '/' || (c > text && isalnum((unsigned char) c[-1]))) {
                        c++;
                        continue;
                }
                length = known_name_length(c, filesystem);
                if (length == 0)
                        return false;
                c += length;
        }

        return true;
}
