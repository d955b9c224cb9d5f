/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the a{sv} options of a method, strictly: an unknown key, a wrong type or a key given twice is an
 * InvalidArgs that names the key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

/* A list of texts, all of them borrowed from the message. */
#define BUS_TEXTS_MAX 32
typedef struct BusTexts {
        const char *items[BUS_TEXTS_MAX];
        size_t n;
} BusTexts;

/* In place of a type: "as". */
#define BUS_OPTION_TEXTS 'a'

typedef struct BusOption {
        const char *key;
        char type;              /* 's', 'u', 't', 'b' or BUS_OPTION_TEXTS */
        void *value;            /* const char **, uint32_t *, uint64_t *, int *, BusTexts *; texts are borrowed from the
                                 * message */
        bool *is_given;         /* set to false or true; may be NULL */
} BusOption;

#define BUS_OPTIONS_MAX 16

/**
 * bus_options_read() - read the argument that comes next
 * @n: 0 to BUS_OPTIONS_MAX; 0: no option is known
 *
 * Values of keys that are not given stay as they are.
 * Returns: 0, or a negative errno with @error set.
 */
int bus_options_read(sd_bus_message *message, const BusOption *options, size_t n, sd_bus_error *error);

#define BUS_REASON_MAX 256

/* Why somebody wants it, as the journal tells it: one line, not blank. NULL: none was given. Returns 0, or a negative
 * errno with @error set. */
int bus_reason_check(const char *reason, sd_bus_error *error);
