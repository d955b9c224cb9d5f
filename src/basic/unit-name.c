/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Done here and not by running systemd-escape: the worker makes these names, and it starts no programs for that.
 * Rules: systemd.unit(5), "String escaping for inclusion in unit names".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/basic/unit-name.h"

/* Of UINT64_MAX. */
#define NUMBER_MAX_LENGTH 20
#define TEMPLATE_SUFFIX "@.service"

/* Absolute, and each component says something: systemd would resolve or refuse the others, we want no surprise. */
static bool path_is_clean(const char *path) {
        if (path[0] != '/')
                return false;
        if (path[1] == '\0')
                return true;

        while (*path) {
                const char *component = path + 1;
                size_t length = strcspn(component, "/");

                if (length == 0 || (length == 1 && component[0] == '.') ||
                    (length == 2 && component[0] == '.' && component[1] == '.'))
                        return false;
                path = component + length;
        }

        return true;
}

static bool is_kept(char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
               byte == ':' || byte == '_' || byte == '.';
}

/* Appends the instance to the terminated @name. Returns 0 or -E2BIG. */
static int append_escaped_path(char *name, size_t size_bytes, const char *path) {
        int r;

        if (strcmp(path, "/") == 0)
                return text_append_format(name, size_bytes, "-");

        for (const char *byte = path + 1; *byte; byte++) {
                if (*byte == '/')
                        r = text_append_format(name, size_bytes, "-");
                else if (is_kept(*byte) && !(*byte == '.' && byte == path + 1))
                        r = text_append_format(name, size_bytes, "%c", *byte);
                else
                        r = text_append_format(name, size_bytes, "\\x%02x", (unsigned) (unsigned char) *byte);
                if (r < 0)
                        return r;
        }

        return 0;
}

int unit_name_from_path(const char *template, const char *path, char **ret_name) {
        char name[UNIT_NAME_MAX_LENGTH + 1] = "";
        const char *at = strchr(template, '@');
        char *copy;
        int r;

        if (!at || at == template || at[1] != '.' || at[2] == '\0' || !path_is_clean(path))
                return -EINVAL;
        if (strlen(template) > UNIT_NAME_MAX_LENGTH)
                return -ENAMETOOLONG;

        r = text_append_format(name, sizeof(name), "%.*s", (int) (at + 1 - template), template);
        if (r >= 0)
                r = append_escaped_path(name, sizeof(name), path);
        if (r >= 0)
                r = text_append_format(name, sizeof(name), "%s", at + 1);
        if (r < 0)
                return -ENAMETOOLONG;

        copy = strdup(name);
        if (!copy)
                return -ENOMEM;

        *ret_name = copy;
        return 0;
}

bool unit_name_is_template(const char *name) {
        size_t length = strlen(name), prefix_length = length - strlen(TEMPLATE_SUFFIX);

        if (!text_ends_with(name, TEMPLATE_SUFFIX) || prefix_length == 0 ||
            length > UNIT_NAME_MAX_LENGTH - NUMBER_MAX_LENGTH)
                return false;
        /* Units of root's that begin with a dash or a dot are nobody's intention. */
        if (name[0] == '-' || name[0] == '.')
                return false;
        for (size_t i = 0; i < prefix_length; i++)
                if (!is_kept(name[i]) && name[i] != '-')
                        return false;

        return true;
}

char *unit_name_from_number(const char *template, uint64_t number, char buffer[static UNIT_NAME_SIZE]) {
        const char *at = strchr(template, '@');
        int prefix_length = at ? (int) (at + 1 - template) : (int) strlen(template);

        (void) snprintf(buffer, UNIT_NAME_SIZE, "%.*s%" PRIu64 "%s", prefix_length, template, number,
                        template + prefix_length);
        return buffer;
}
