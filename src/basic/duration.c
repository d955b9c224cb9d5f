/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durations: one table of units serves both directions.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "src/basic/duration.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define INFINITY_WORD "infinity"

typedef struct DurationUnit {
        const char *name;
        uint64_t usec;
        bool is_written;        /* duration_format() uses one word for each unit */
} DurationUnit;

/* Largest first: duration_format() takes from each what fits. */
static const DurationUnit units[] = {
        { "w",   7 * USEC_PER_DAY, true  },
        { "d",   USEC_PER_DAY,     true  },
        { "h",   USEC_PER_HOUR,    true  },
        { "min", USEC_PER_MINUTE,  true  },
        { "m",   USEC_PER_MINUTE,  false },
        { "s",   USEC_PER_SEC,     true  },
        { "sec", USEC_PER_SEC,     false },
        { "ms",  USEC_PER_MSEC,    true  },
        { "us",  1,                true  },
};

static const DurationUnit *unit_find(const char *name, size_t length) {
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
                        return units + i;

        return NULL;
}

/* Takes "30min" from *@text and moves it behind it. *@is_too_large is set, never reset. */
static int parse_part(const char **text, uint64_t *total, bool *is_too_large) {
        static const char digits[] = "0123456789", letters[] = "abcdefghijklmnopqrstuvwxyz";
        size_t n_digits = strspn(*text, digits), n_letters;
        const DurationUnit *unit;
        uint64_t number = 0;

        if (n_digits == 0)
                return -EINVAL;

        for (size_t i = 0; i < n_digits; i++) {
                uint64_t digit = (uint64_t) ((*text)[i] - '0');

                if (number > (UINT64_MAX - digit) / 10)
                        *is_too_large = true;
                else
                        number = number * 10 + digit;
        }

        *text += n_digits;
        *text += strspn(*text, " ");
        n_letters = strspn(*text, letters);
        unit = unit_find(*text, n_letters);
        if (!unit)
                return -EINVAL;
        *text += n_letters;

        /* The largest value means infinity, which nobody reaches by adding up. */
        if (number > (USEC_INFINITY - 1 - *total) / unit->usec)
                *is_too_large = true;
        else
                *total += number * unit->usec;
        return 0;
}

int duration_parse(const char *text, uint64_t *ret_usec) {
        bool is_too_large = false;
        uint64_t total = 0;
        int r;

        if (strcmp(text, INFINITY_WORD) == 0) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }

        do {
                r = parse_part(&text, &total, &is_too_large);
                if (r < 0)
                        return r;
                if (*text == ' ') {
                        text += strspn(text, " ");
                        if (*text == '\0')
                                return -EINVAL;
                }
        } while (*text);

        if (is_too_large)
                return -ERANGE;

        *ret_usec = total;
        return 0;
}

char *duration_format(uint64_t usec, char buffer[static DURATION_TEXT_SIZE]) {
        buffer[0] = '\0';
        if (usec == USEC_INFINITY || usec == 0) {
                (void) text_copy(buffer, DURATION_TEXT_SIZE, usec == 0 ? "0s" : INFINITY_WORD);
                return buffer;
        }

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (!units[i].is_written || usec < units[i].usec)
                        continue;
                (void) text_append_format(buffer, DURATION_TEXT_SIZE, "%s%" PRIu64 "%s", buffer[0] ? " " : "",
                                          usec / units[i].usec, units[i].name);
                usec %= units[i].usec;
        }

        return buffer;
}
