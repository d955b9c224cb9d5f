/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-options.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-text.h"

static const BusOption *option_find(const BusOption *options, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (text_equal(options[i].key, key))
                        return options + i;

        return NULL;
}

static int read_texts(sd_bus_message *message, const BusOption *option, sd_bus_error *error) {
        BusTexts *texts = option->value;
        const char *text;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(message, 's', &text)) > 0) {
                if (texts->n >= BUS_TEXTS_MAX)
                        return bus_error_set(error, -EINVAL, "Option \"%s\" has more than %d items", option->key,
                                             BUS_TEXTS_MAX);
                texts->items[texts->n++] = text;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_value(sd_bus_message *message, const BusOption *option, sd_bus_error *error) {
        const char type[] = { option->type, option->type == BUS_OPTION_TEXTS ? 's' : '\0', '\0' };
        const char *contents;
        int r;

        r = sd_bus_message_peek_type(message, NULL, &contents);
        if (r < 0)
                return r;
        if (!text_equal(contents, type))
                return bus_error_set(error, -EINVAL, "Option \"%s\" has type \"%s\", it must be \"%s\"",
                                     option->key, contents, type);

        r = sd_bus_message_enter_container(message, 'v', contents);
        if (r < 0)
                return r;
        r = option->type == BUS_OPTION_TEXTS ? read_texts(message, option, error)
                                             : sd_bus_message_read_basic(message, option->type, option->value);
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(message);
}

/* Returns 1 if there was one more option, 0 at the end. */
static int read_option(sd_bus_message *message, const BusOption *options, size_t n, bool *seen,
                       sd_bus_error *error) {
        const BusOption *option;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(message, 'e', "sv");
        if (r <= 0)
                return r;
        r = sd_bus_message_read_basic(message, 's', &key);
        if (r < 0)
                return r;

        option = option_find(options, n, key);
        if (!option)
                return bus_error_set(error, -EINVAL, "Unknown option \"%s\"", key);
        if (seen[option - options])
                return bus_error_set(error, -EINVAL, "Option \"%s\" is given twice", key);
        seen[option - options] = true;

        r = read_value(message, option, error);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        return 1;
}

int bus_options_read(sd_bus_message *message, const BusOption *options, size_t n, sd_bus_error *error) {
        bool seen[BUS_OPTIONS_MAX] = {};
        int r;

        assert(n <= BUS_OPTIONS_MAX);

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        do {
                r = read_option(message, options, n, seen, error);
                if (r < 0)
                        return r;
        } while (r > 0);

        for (size_t i = 0; i < n; i++)
                if (options[i].is_given)
                        *options[i].is_given = seen[i];

        return sd_bus_message_exit_container(message);
}

int bus_reason_check(const char *reason, sd_bus_error *error) {
        _cleanup_(free_at) char *clean = NULL;
        int r;

        if (!reason || !reason[strspn(reason, " ")])
                return bus_error_set(error, -EINVAL, "The reason is missing: why is it wanted?");
        if (strlen(reason) > BUS_REASON_MAX)
                return bus_error_set(error, -EINVAL, "The reason must not be longer than %d bytes", BUS_REASON_MAX);
        r = bus_text_clean(reason, BUS_TEXT_LINE, &clean);
        if (r < 0)
                return r;
        if (!text_equal(reason, clean))
                return bus_error_set(error, -EINVAL, "The reason must be one line without control characters");
        return 0;
}
