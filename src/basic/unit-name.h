/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's escaping of a path into the instance part of a unit name, as `systemd-escape --path` does it.
 */
#pragma once

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
