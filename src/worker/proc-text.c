/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source of all forms: proc(5), and Documentation/filesystems/proc.rst of the kernel.
 */
#include "src/worker/proc-text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

void proc_unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from; to++) {
                unsigned value;

                if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1 && strspn(from + 1, "01234567") >= 3) {
                        *to = (char) value;
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = 0;
}

int mount_line_parse(char *line, MountLine *ret_line) {
        unsigned major_number, minor_number;
        char *words[6], *rest = NULL, *word;
        char *dash = strstr(line, " - ");
        int mount_id;

        if (!dash)
                return -EBADMSG;
        *dash = 0;

        word = strtok_r(line, " ", &rest);
        for (size_t i = 0; i < ELEMENTSOF(words); i++, word = strtok_r(NULL, " ", &rest)) {
                if (!word)
                        return -EBADMSG;
                words[i] = word;
        }
        if (sscanf(words[0], "%d", &mount_id) != 1 || sscanf(words[2], "%u:%u", &major_number, &minor_number) != 2)
                return -EBADMSG;

        *ret_line = (MountLine) {
                .mount_id = mount_id,
                .device_number = makedev(major_number, minor_number),
                .mount_point = words[4],
                .type = strtok_r(dash + 3, " ", &rest),
        };
        (void) strtok_r(NULL, " ", &rest);
        ret_line->options = strtok_r(NULL, " ", &rest);
        if (!ret_line->type || !ret_line->options)
                return -EBADMSG;

        proc_unescape(ret_line->mount_point);
        return 0;
}

/* The number behind @key at the beginning of a line. */
static bool find_number(const char *text, const char *key, uint64_t *ret_value) {
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (text_starts_with(line, key))
                        return sscanf(line + strlen(key), "%" SCNu64, ret_value) == 1;
        }
        return false;
}

int descriptor_info_parse(const char *text, DescriptorInfo *ret_info) {
        uint64_t mount_id, inode;

        if (!find_number(text, "mnt_id:", &mount_id) || mount_id > INT_MAX)
                return -EBADMSG;
        if (!find_number(text, "ino:", &inode))
                inode = 0;

        *ret_info = (DescriptorInfo) { .mount_id = (int) mount_id, .inode = inode };
        return 0;
}

int map_line_parse(const char *line, MapLine *ret_line) {
        unsigned major_number, minor_number;
        uint64_t inode;
        int length = 0;

        if (sscanf(line, "%*[0-9a-f]-%*[0-9a-f] %*4s %*[0-9a-f] %x:%x %" SCNu64 "%n", &major_number, &minor_number,
                   &inode, &length) != 3 || length == 0)
                return -EBADMSG;

        line += length;
        *ret_line = (MapLine) {
                .device_number = makedev(major_number, minor_number),
                .inode = inode,
                .path = line + strspn(line, " "),
        };
        return 0;
}

bool link_is_on_mount(const char *link) {
        /* Memory that only looks like files, on mounts of the kernel's own. */
        static const char *const memory[] = { "/memfd:", "/SYSV", "/dev/zero (deleted)", "/[aio]", "/anon_hugepage",
                                              "/dmabuf:", "/drm mm object", "/i915", "/secretmem" };

        if (link[0] != '/')
                return false;
        for (size_t i = 0; i < ELEMENTSOF(memory); i++)
                if (text_starts_with(link, memory[i]))
                        return false;
        return true;
}

bool path_is_below(const char *path, const char *folder) {
        size_t length = strlen(folder);

        if (length == 1)
                return path[0] == '/';
        return text_starts_with(path, folder) && (path[length] == '/' || path[length] == 0);
}

int status_user_parse(const char *text, uint32_t *ret_uid) {
        uint64_t uid;

        if (!find_number(text, "Uid:", &uid) || uid > UINT32_MAX)
                return -EBADMSG;
        *ret_uid = (uint32_t) uid;
        return 0;
}

char *swap_line_file(char *line) {
        char *rest = NULL, *path = strtok_r(line, " \t", &rest), *type = strtok_r(NULL, " \t", &rest);

        if (!path || path[0] != '/' || !type || !text_equal(type, "file"))
                return NULL;
        proc_unescape(path);
        return path;
}

char *export_line_folder(char *line) {
        if (line[0] != '/')
                return NULL;
        line[strcspn(line, " \t")] = 0;
        proc_unescape(line);
        return line;
}

static int each_of_list(char *list, int (*found)(const char *layer, void *userdata), void *userdata) {
        char *rest = NULL;
        int r = 0;

        for (char *layer = strtok_r(list, ":", &rest); layer && r == 0; layer = strtok_r(NULL, ":", &rest)) {
                proc_unescape(layer);
                r = found(layer, userdata);
        }
        return r;
}

int overlay_each_layer(char *options, int (*found)(const char *layer, void *userdata), void *userdata) {
        static const char *const keys[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=" };
        char *rest = NULL;
        int r = 0;

        for (char *option = strtok_r(options, ",", &rest); option && r == 0; option = strtok_r(NULL, ",", &rest))
                for (size_t i = 0; i < ELEMENTSOF(keys) && r == 0; i++)
                        if (text_starts_with(option, keys[i]))
                                r = each_of_list(option + strlen(keys[i]), found, userdata);
        return r;
}
