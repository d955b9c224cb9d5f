/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Components of the path from the outside in. What stands inside a container is that container's own business, so
 * reading ends at the first one.
 */
#include "src/model/workload.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

static const char *const container_runtime_names[] = {
        [RUNTIME_NONE] = "none",
        [RUNTIME_PODMAN] = "podman",
        [RUNTIME_DOCKER] = "docker",
        [RUNTIME_CONTAINERD] = "containerd",
        [RUNTIME_CRIO] = "crio",
        [RUNTIME_LXC] = "lxc",
        [RUNTIME_MACHINED] = "machined",
        [RUNTIME_OTHER] = "other",
};
DEFINE_NAMES(container_runtime, ContainerRuntime)

/* Shorter numbers of containers are somebody's abbreviations, not what stands in a path. */
#define CONTAINER_NUMBER_LENGTH 64
#define POD_UID_LENGTH 36

typedef enum ContainerName {
        NAME_NUMBER,                    /* 64 hexadecimal digits */
        NAME_FREE,                      /* anything */
        NAME_ESCAPED,                   /* anything, with \xHH as systemd writes it */
} ContainerName;

typedef struct ContainerPath {
        const char *parent;             /* the component before has to be this; NULL: any */
        const char *prefix, *suffix;
        ContainerName name;
        ContainerRuntime runtime;
} ContainerPath;

/* What each runtime calls its groups, by the driver that makes them (systemd or cgroupfs). Monitors of a container
 * ("libpod-conmon-…", "crio-conmon-…", "lxc.monitor.…") have no row: they are none of its workload. */
static const ContainerPath container_paths[] = {
        { NULL,     "libpod-",         ".scope",   NAME_NUMBER,  RUNTIME_PODMAN },
        { NULL,     "libpod-",         "",         NAME_NUMBER,  RUNTIME_PODMAN },
        { NULL,     "docker-",         ".scope",   NAME_NUMBER,  RUNTIME_DOCKER },
        { "docker", "",                "",         NAME_NUMBER,  RUNTIME_DOCKER },
        { NULL,     "cri-containerd-", ".scope",   NAME_NUMBER,  RUNTIME_CONTAINERD },
        { NULL,     "nerdctl-",        ".scope",   NAME_NUMBER,  RUNTIME_CONTAINERD },
        { NULL,     "crio-",           ".scope",   NAME_NUMBER,  RUNTIME_CRIO },
        { NULL,     "crio-",           "",         NAME_NUMBER,  RUNTIME_CRIO },
        { NULL,     "lxc.payload.",    "",         NAME_FREE,    RUNTIME_LXC },
        { "lxc",    "",                "",         NAME_FREE,    RUNTIME_LXC },
        { NULL,     "machine-",        ".scope",   NAME_ESCAPED, RUNTIME_MACHINED },
        { NULL,     "systemd-nspawn@", ".service", NAME_ESCAPED, RUNTIME_MACHINED },
};

/* Units that have processes, and so a group. */
static const char *const unit_suffixes[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

static bool is_hexadecimal(const char *text, size_t length) {
        for (size_t i = 0; i < length; i++)
                if (!isxdigit((unsigned char) text[i]))
                        return false;
        return true;
}

/* Cuts @name out of its prefix and suffix, into @buffer. Returns 1, 0 if it has not both of them, or -ENAMETOOLONG. */
static int cut(const char *name, const char *prefix, const char *suffix, char *buffer, size_t size_bytes) {
        size_t n_prefix = strlen(prefix), n_suffix = strlen(suffix), length = strlen(name);

        if (length <= n_prefix + n_suffix || !text_starts_with(name, prefix) || !text_ends_with(name, suffix))
                return 0;
        length -= n_prefix + n_suffix;
        if (length >= size_bytes)
                return -ENAMETOOLONG;

        memcpy(buffer, name + n_prefix, length);
        buffer[length] = 0;
        return 1;
}

/* "a\x2db" -> "a-b", in place. Source: systemd.unit(5). */
static void unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from; to++) {
                char digits[3] = { 0 };

                if (from[0] == '\\' && from[1] == 'x' && isxdigit((unsigned char) from[2]) &&
                    isxdigit((unsigned char) from[3])) {
                        memcpy(digits, from + 2, 2);
                        *to = (char) strtoul(digits, NULL, 16);
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = 0;
}

static int read_container(const char *parent, const char *name, Workload *workload) {
        for (size_t i = 0; i < ELEMENTSOF(container_paths); i++) {
                const ContainerPath *row = container_paths + i;
                char found[WORKLOAD_CONTAINER_SIZE];
                int r;

                if (row->parent && !text_equal(row->parent, parent))
                        continue;
                r = cut(name, row->prefix, row->suffix, found, sizeof(found));
                if (r < 0)
                        return r;
                if (r == 0 || (row->name == NAME_NUMBER && (strlen(found) != CONTAINER_NUMBER_LENGTH ||
                                                            !is_hexadecimal(found, CONTAINER_NUMBER_LENGTH))))
                        continue;
                if (row->name == NAME_ESCAPED)
                        unescape(found);
                workload->runtime = row->runtime;
                return text_copy(workload->container, sizeof(workload->container), found);
        }

        return 0;
}

/* "kubepods-burstable-podUID.slice" with "_" for "-" (systemd), or "podUID" (cgroupfs). */
static bool read_pod(const char *name, Workload *workload) {
        const char *uid = text_starts_with(name, "pod") ? name : strstr(name, "-pod");
        size_t length;

        if (!uid || (uid != name && !(text_starts_with(name, "kubepods") || strstr(name, "-kubepods"))))
                return false;
        uid = strstr(uid, "pod") + strlen("pod");
        length = strcspn(uid, ".");
        /* Pods of a machine itself (static ones) have 32 digits and no dashes. */
        if ((uid[length] != 0 && !text_equal(uid + length, ".slice")) ||
            (length != POD_UID_LENGTH && length != 32))
                return false;

        for (size_t i = 0; i < length; i++) {
                if (!isxdigit((unsigned char) uid[i]) && uid[i] != '_' && uid[i] != '-')
                        return false;
                workload->pod[i] = uid[i];
                if (workload->pod[i] == '_')
                        workload->pod[i] = '-';
        }
        workload->pod[length] = 0;
        return true;
}

static uint32_t read_user(const char *name, const char *prefix, const char *suffix) {
        char digits[16];
        uint64_t number;

        if (cut(name, prefix, suffix, digits, sizeof(digits)) <= 0 ||
            number_parse_u64(digits, 0, UINT32_MAX - 1, &number) < 0)
                return WORKLOAD_USER_NONE;
        return (uint32_t) number;
}

static bool is_unit(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(unit_suffixes); i++)
                if (text_ends_with(name, unit_suffixes[i]) && strlen(name) > strlen(unit_suffixes[i]))
                        return true;
        return false;
}

static int read_slice(const char *name, Workload *workload) {
        uint32_t user = read_user(name, "user-", ".slice");

        if (user != WORKLOAD_USER_NONE)
                workload->user = user;
        return workload->unit[0] ? 0 : text_copy(workload->slice, sizeof(workload->slice), name);
}

static int read_unit(const char *name, Workload *workload) {
        uint32_t user;

        if (workload->unit[0])
                /* Below a service that is no user's manager groups belong to that service. */
                return text_starts_with(workload->unit, "user@") && !workload->user_unit[0]
                               ? text_copy(workload->user_unit, sizeof(workload->user_unit), name) : 0;

        user = read_user(name, "user@", ".service");
        if (user != WORKLOAD_USER_NONE)
                workload->user = user;
        if (cut(name, "session-", ".scope", workload->session, sizeof(workload->session)) < 0)
                return -ENAMETOOLONG;
        return text_copy(workload->unit, sizeof(workload->unit), name);
}

/* One component. Returns 1 if the rest is a container's own, 0, or a negative errno. */
static int read_component(const char *parent, const char *name, bool is_in_pod, Workload *workload) {
        int r;

        if (text_ends_with(name, ".slice"))
                r = read_slice(name, workload);
        else
                r = is_unit(name) ? read_unit(name, workload) : 0;
        if (r < 0)
                return -ENAMETOOLONG;
        if (read_pod(name, workload))
                return 0;

        r = read_container(parent, name, workload);
        if (r < 0)
                return -ENAMETOOLONG;
        if (workload->runtime == RUNTIME_NONE && is_in_pod && strlen(name) == CONTAINER_NUMBER_LENGTH &&
            is_hexadecimal(name, CONTAINER_NUMBER_LENGTH)) {
                workload->runtime = RUNTIME_OTHER;
                (void) text_copy(workload->container, sizeof(workload->container), name);
        }
        return workload->runtime != RUNTIME_NONE;
}

static int read_path(const char *path, Workload *ret_workload, size_t *ret_group_length) {
        _cleanup_(free_at) char *copy = NULL;
        Workload workload = { .user = WORKLOAD_USER_NONE };
        size_t group_length = 0;
        char *rest = NULL;
        const char *parent = "";

        *ret_workload = workload;
        *ret_group_length = 0;
        if (path[0] != '/')
                return -EINVAL;
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;

        for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
                size_t length = (size_t) (name - copy) + strlen(name);
                bool had_unit = workload.unit[0];
                int r;

                /* systemd puts "_" before names that look like files of the kernel. */
                if (name[0] == '_')
                        name++;
                r = read_component(parent, name, workload.pod[0] != 0, &workload);
                if (r < 0)
                        return r;
                if (r > 0 || (!had_unit && workload.unit[0]))
                        group_length = length;
                if (r > 0)
                        break;
                parent = name;
        }

        *ret_workload = workload;
        *ret_group_length = group_length;
        return 0;
}

int workload_from_cgroup(const char *path, Workload *ret_workload) {
        size_t group_length;

        return read_path(path, ret_workload, &group_length);
}

size_t workload_group_length(const char *path) {
        Workload workload;
        size_t group_length;

        return read_path(path, &workload, &group_length) < 0 ? 0 : group_length;
}

/* How much a line tells: paths in the root nothing, and the hierarchies that nobody makes units in little. */
static unsigned rank_line(const char *controllers, size_t n_controllers, size_t n_path) {
        static const char systemd_name[] = "name=systemd";
        unsigned rank = n_path == 1 ? 0 : 8;

        if (n_controllers == 0)
                return rank + 3;
        return rank + (n_controllers == strlen(systemd_name) &&
                       strncmp(controllers, systemd_name, n_controllers) == 0 ? 2 : 1);
}

int workload_pick_cgroup(const char *text, char *buffer, size_t size_bytes) {
        const char *best = NULL;
        size_t n_best = 0;
        unsigned best_rank = 0;

        for (const char *line = text; *line;) {
                size_t length = strcspn(line, "\n");
                const char *controllers = memchr(line, ':', length), *path = NULL;

                if (controllers)
                        path = memchr(controllers + 1, ':', length - (size_t) (controllers + 1 - line));
                if (path && path[1] == '/') {
                        size_t n_path = length - (size_t) (path + 1 - line);
                        unsigned rank = rank_line(controllers + 1, (size_t) (path - controllers - 1), n_path);

                        if (rank > best_rank) {
                                best_rank = rank;
                                best = path + 1;
                                n_best = n_path;
                        }
                }
                line += length + (line[length] == '\n');
        }

        if (!best)
                return -EBADMSG;
        if (n_best >= size_bytes)
                return -ENAMETOOLONG;
        memcpy(buffer, best, n_best);
        buffer[n_best] = 0;
        return 0;
}
