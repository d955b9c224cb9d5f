/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bus values -> JSON, by one rule for all of them, so that `--json` shows whatever the bus shows and
 * neither forgets a property nor invents a name:
 *
 *  - keys are the names of the bus in lower case with underscores: MountPoints, mount-points -> mount_points
 *  - byte arrays (paths) are text with control characters, backslashes and invalid bytes as \xHH
 *  - a number without a value (all bits set) is null; one beyond 63 bits is text
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "src/basic/cleanup.h"

static inline void json_decref_at(json_t **value) {
        json_decref(*value);
        *value = NULL;
}

/* "MountPoints", "mount-points", "UUID" -> "mount_points", "uuid"; new, NULL if out of memory. */
char *ctl_value_key(const char *bus_name);

/**
 * ctl_value_read() - the next complete value of a message
 * @ret_value: new
 *
 * Returns: 1; 0 at the end of the message or container; -EOPNOTSUPP for descriptors; -ENOMEM; or another
 * negative errno of sd-bus.
 */
int ctl_value_read(sd_bus_message *message, json_t **ret_value);

/**
 * ctl_value_name_fields() - structs of the bus as objects
 * @list:  an array of arrays; each becomes an object in its place
 * @names: of the fields in order; NULL-terminated; what is beyond them is left out
 *
 * Returns: 0 or -ENOMEM.
 */
int ctl_value_name_fields(json_t *list, const char *const *names);

/* Reads of an object what is there; a missing key or another type gives the empty value. Borrowed. */
const char *ctl_value_text(const json_t *object, const char *key);      /* "" */
uint64_t ctl_value_number(const json_t *object, const char *key);       /* 0 */
bool ctl_value_truth(const json_t *object, const char *key);            /* false */
