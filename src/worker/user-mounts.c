/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of mounts as mountinfo and fdinfo tell them are unique among all namespaces, so a descriptor that was handed
 * from one namespace to another is found as well.
 */
#include "src/worker/user-mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/worker/proc-text.h"

void user_mounts_clear(UserMounts *mounts) {
        for (size_t i = 0; i < mounts->n_namespaces; i++) {
                for (size_t j = 0; j < mounts->namespaces[i].n_places; j++)
                        free(mounts->namespaces[i].places[j]);
                free(mounts->namespaces[i].places);
                free(mounts->namespaces[i].root);
        }
        for (size_t i = 0; i < mounts->n_own; i++)
                free(mounts->own[i].place);
        free(mounts->own);
        free(mounts->namespaces);
        free(mounts->mount_ids);
        free(mounts->other_ids);
        *mounts = (UserMounts) {};
}

/* Room for one more. @array: of a pointer to elements of this size. */
static int make_room(void *array, size_t n, size_t *n_allocated, size_t element_bytes) {
        void **elements = array, *grown;
        size_t n_wanted = max_of(*n_allocated * 2, (size_t) 16);

        if (n < *n_allocated)
                return 0;
        grown = reallocarray(*elements, n_wanted, element_bytes);
        if (!grown)
                return -ENOMEM;
        *elements = grown;
        *n_allocated = n_wanted;
        return 0;
}

static int add_id(int **ids, size_t *n, size_t *n_allocated, int id) {
        int r;

        r = make_room(ids, *n, n_allocated, sizeof(**ids));
        if (r >= 0)
                (*ids)[(*n)++] = id;
        return r;
}

static int add_own(UserMounts *mounts, const char *place, bool is_it) {
        char *copy;
        int r;

        r = make_room(&mounts->own, mounts->n_own, &mounts->n_own_allocated, sizeof(*mounts->own));
        if (r < 0)
                return r;
        copy = strdup(place);
        if (!copy)
                return -ENOMEM;
        mounts->own[mounts->n_own++] = (OwnMount) { copy, is_it };
        return 0;
}

static int add_place(UserNamespace *namespace, const char *mount_point) {
        char **grown = reallocarray(namespace->places, namespace->n_places + 1, sizeof(*grown));
        const char *root = text_equal(namespace->root, "/") ? "" : namespace->root;

        /* The root itself is called by its own name. */
        if (*root && text_equal(mount_point, "/"))
                mount_point = "";
        if (!grown)
                return -ENOMEM;
        namespace->places = grown;
        if (asprintf(&grown[namespace->n_places], "%s%s", root, mount_point) < 0)
                return -ENOMEM;
        namespace->n_places++;
        return 0;
}

static int add_namespace(UserMounts *mounts, uint64_t number, const char *root, UserNamespace **ret_namespace) {
        UserNamespace *namespace;
        int r;

        r = make_room(&mounts->namespaces, mounts->n_namespaces, &mounts->n_namespaces_allocated, sizeof(*namespace));
        if (r < 0)
                return r;
        namespace = mounts->namespaces + mounts->n_namespaces;
        *namespace = (UserNamespace) { .number = number, .root = strdup(root) };
        if (!namespace->root)
                return -ENOMEM;
        mounts->n_namespaces++;
        *ret_namespace = namespace;
        return 0;
}

static int add_mount(UserMounts *mounts, UserNamespace *namespace, const MountLine *line) {
        bool is_it = line->device_number == mounts->device_number;
        int r;

        if (is_it)
                r = add_id(&mounts->mount_ids, &mounts->n_mount_ids, &mounts->n_mount_ids_allocated, line->mount_id);
        else
                r = add_id(&mounts->other_ids, &mounts->n_other_ids, &mounts->n_other_ids_allocated, line->mount_id);
        if (r >= 0 && is_it)
                r = add_place(namespace, line->mount_point);
        if (r >= 0 && mounts->n_namespaces == 1)
                r = add_own(mounts, line->mount_point, is_it);
        return r;
}

int user_mounts_add(UserMounts *mounts, uint64_t namespace_number, const char *root, char *mountinfo) {
        UserNamespace *namespace;
        char *rest = NULL;
        int r;

        r = add_namespace(mounts, namespace_number, root, &namespace);
        for (char *text = strtok_r(mountinfo, "\n", &rest); text && r >= 0; text = strtok_r(NULL, "\n", &rest)) {
                MountLine line;

                if (mount_line_parse(text, &line) >= 0)
                        r = add_mount(mounts, namespace, &line);
        }
        return r;
}

static int compare(const void *a, const void *b) {
        const int *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

void user_mounts_sort(UserMounts *mounts) {
        if (mounts->n_mount_ids > 0)
                qsort(mounts->mount_ids, mounts->n_mount_ids, sizeof(*mounts->mount_ids), compare);
        if (mounts->n_other_ids > 0)
                qsort(mounts->other_ids, mounts->n_other_ids, sizeof(*mounts->other_ids), compare);
}

MountAnswer user_mounts_find(const UserMounts *mounts, int mount_id) {
        if (mounts->n_mount_ids > 0 &&
            bsearch(&mount_id, mounts->mount_ids, mounts->n_mount_ids, sizeof(mount_id), compare))
                return MOUNT_IS_IT;
        if (mounts->n_other_ids > 0 &&
            bsearch(&mount_id, mounts->other_ids, mounts->n_other_ids, sizeof(mount_id), compare))
                return MOUNT_IS_OTHER;
        return MOUNT_IS_UNKNOWN;
}

bool user_mounts_may_hold(const UserMounts *mounts, uint64_t namespace_number, const char *path) {
        for (size_t i = 0; i < mounts->n_namespaces; i++) {
                const UserNamespace *namespace = mounts->namespaces + i;

                if (namespace->number != namespace_number)
                        continue;
                for (size_t j = 0; j < namespace->n_places; j++)
                        if (path_is_below(path, namespace->places[j]))
                                return true;
        }
        return false;
}

bool user_mounts_covers(const UserMounts *mounts, const char *path) {
        size_t longest = 0;
        bool is_it = false;

        for (size_t i = 0; i < mounts->n_own; i++) {
                size_t length = strlen(mounts->own[i].place);

                if (length < longest || !path_is_below(path, mounts->own[i].place))
                        continue;
                longest = length;
                is_it = mounts->own[i].is_it;
        }
        return is_it;
}

int namespace_link_parse(const char *link, uint64_t *ret_number) {
        char end;

        return sscanf(link, "mnt:[%" SCNu64 "%c", ret_number, &end) == 2 && end == ']' ? 0 : -EBADMSG;
}

int proc_link_read(const char *path, char *buffer, size_t size_bytes) {
        ssize_t length = readlink(path, buffer, size_bytes - 1);

        if (length < 0) {
                buffer[0] = 0;
                return -errno;
        }
        buffer[length] = 0;
        return (size_t) length == size_bytes - 1 ? -ENAMETOOLONG : 0;
}

/* Known already: seen from this root, or from its own, from which all of it is seen. */
static bool is_known(const UserMounts *mounts, uint64_t number, const char *root) {
        for (size_t i = 0; i < mounts->n_namespaces; i++)
                if (mounts->namespaces[i].number == number &&
                    (text_equal(mounts->namespaces[i].root, "/") || text_equal(mounts->namespaces[i].root, root)))
                        return true;
        return false;
}

static int read_mountinfo(const char *id, char **ret_text) {
        char path[96];
        size_t length;

        (void) snprintf(path, sizeof(path), "/proc/%s/mountinfo", id);
        return file_read(AT_FDCWD, path, USER_MOUNTINFO_LIMIT_BYTES, ret_text, &length);
}

/* What has ended meanwhile has no namespace; anything else that cannot be read is counted. */
static int read_one(UserMounts *mounts, const char *id) {
        _cleanup_(free_at) char *text = NULL;
        char path[96], link[64], root[PATH_MAX];
        uint64_t number;
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%s/ns/mnt", id);
        if (proc_link_read(path, link, sizeof(link)) < 0 || namespace_link_parse(link, &number) < 0)
                return 0;
        (void) snprintf(path, sizeof(path), "/proc/%s/root", id);
        if (proc_link_read(path, root, sizeof(root)) < 0)
                return 0;
        if (is_known(mounts, number, root))
                return 0;

        r = mounts->n_namespaces < USER_NAMESPACES_MAX ? read_mountinfo(id, &text) : -E2BIG;
        if (r == -ENOENT || r == -ESRCH)
                return 0;
        if (r < 0 || !text[0]) {
                mounts->n_left_out += r < 0;
                return r == -ENOMEM ? r : 0;
        }
        return user_mounts_add(mounts, number, root, text);
}

static int read_all(UserMounts *mounts) {
        _cleanup_(closedir_at) DIR *processes = opendir("/proc");
        const struct dirent *entry;
        int r;

        if (!processes)
                return -errno;
        r = read_one(mounts, "self");
        while (r >= 0 && (entry = readdir(processes))) {
                uint64_t pid;

                if (number_parse_u64(entry->d_name, 1, INT32_MAX, &pid) >= 0)
                        r = read_one(mounts, entry->d_name);
        }
        return r;
}

int user_mounts_read(dev_t device_number, UserMounts *ret_mounts) {
        _cleanup_(user_mounts_clear) UserMounts mounts = { .device_number = device_number };
        int r;

        r = read_all(&mounts);
        if (r < 0)
                return r;

        user_mounts_sort(&mounts);
        *ret_mounts = mounts;
        mounts = (UserMounts) {};
        return 0;
}

MountAnswer user_mounts_ask_again(const UserMounts *mounts, const char *id, int mount_id) {
        _cleanup_(free_at) char *text = NULL;
        char *rest = NULL;

        if (read_mountinfo(id, &text) < 0)
                return MOUNT_IS_UNKNOWN;
        for (char *at = strtok_r(text, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
                MountLine line;

                if (mount_line_parse(at, &line) >= 0 && line.mount_id == mount_id)
                        return line.device_number == mounts->device_number ? MOUNT_IS_IT : MOUNT_IS_OTHER;
        }
        return MOUNT_IS_UNKNOWN;
}
