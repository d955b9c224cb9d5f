/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of systemd's units: instances of a template, for a path (escaped as `systemd-escape --path` does it) or for a
 * number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* systemd's limit for the name of any unit, in bytes. */
#define UNIT_NAME_MAX_LENGTH 255
#define UNIT_NAME_SIZE (UNIT_NAME_MAX_LENGTH + 1)

/**
 * unit_name_from_path() - "NAME@ESCAPED.service" for a path
 * @template:  a template unit's name, "healer-scrub@.service"; borrowed
 * @path:      absolute; borrowed
 * @ret_name:  new; free()
 *
 * Returns: 0; -EINVAL if the path is not absolute and clean or the template has no "@."; -ENAMETOOLONG
 * beyond systemd's 255 bytes; -ENOMEM.
 */
int unit_name_from_path(const char *template, const char *path, char **ret_name);

/* "NAME@.service" of letters, digits and ":_.-", short enough for an instance of the longest number. */
bool unit_name_is_template(const char *name);

/* "NAME@17.service" for a template that unit_name_is_template() takes. Returns @buffer. */
char *unit_name_from_number(const char *template, uint64_t number, char buffer[static UNIT_NAME_SIZE]);
