/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences of mount tables, by the mounts' numbers.
 */

#include "src/worker/mount-diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

void mount_set_clear(MountSet *set) {
        for (size_t i = 0; i < set->n; i++)
                mount_info_clear(set->items + i);
        free(set->items);
        *set = (MountSet) {};
}

static int copy_text(const char *text, char **ret_copy) {
        *ret_copy = NULL;
        if (!text)
                return 0;

        *ret_copy = strdup(text);
        return *ret_copy ? 0 : -ENOMEM;
}

static int mount_info_copy(const MountInfo *info, MountInfo *ret_copy) {
        MountInfo copy = *info;

        if ((copy_text(info->type, &copy.type) | copy_text(info->root, &copy.root) |
             copy_text(info->mount_point, &copy.mount_point) | copy_text(info->source, &copy.source)) < 0) {
                mount_info_clear(&copy);
                return -ENOMEM;
        }

        *ret_copy = copy;
        return 0;
}

int mount_set_append(MountSet *set, const MountInfo *info) {
        int r;

        if (set->n == set->n_allocated) {
                size_t n_allocated = max_of(2 * set->n_allocated, (size_t) 64);
                MountInfo *items = realloc(set->items, n_allocated * sizeof(*items));

                if (!items)
                        return -ENOMEM;
                set->items = items;
                set->n_allocated = n_allocated;
        }

        r = mount_info_copy(info, set->items + set->n);
        if (r < 0)
                return r;

        set->n++;
        return 0;
}

static int compare_by_id(const void *a, const void *b) {
        const MountInfo *left = a, *right = b;

        return left->mount_id < right->mount_id ? -1 : left->mount_id > right->mount_id;
}

void mount_set_sort(MountSet *set) {
        if (set->n > 1)
                qsort(set->items, set->n, sizeof(*set->items), compare_by_id);
}

const MountInfo *mount_set_find(const MountSet *set, uint64_t mount_id) {
        MountInfo key = { .mount_id = mount_id };

        return set->n > 0 ? bsearch(&key, set->items, set->n, sizeof(*set->items), compare_by_id) : NULL;
}

void mount_set_remove(MountSet *set, uint64_t mount_id) {
        const MountInfo *found = mount_set_find(set, mount_id);
        size_t i;

        if (!found)
                return;

        i = found - set->items;
        mount_info_clear(set->items + i);
        memmove(set->items + i, set->items + i + 1, (set->n - i - 1) * sizeof(*set->items));
        set->n--;
}

int mount_set_put(MountSet *set, const MountInfo *info) {
        int r;

        mount_set_remove(set, info->mount_id);
        r = mount_set_append(set, info);
        mount_set_sort(set);
        return r;
}

static bool is_same_mount(const MountInfo *a, const MountInfo *b) {
        return a->device_number == b->device_number && text_equal(a->root, b->root) && text_equal(a->type, b->type);
}

static bool looks_the_same(const MountInfo *a, const MountInfo *b) {
        return text_equal(a->mount_point, b->mount_point) && a->is_read_only == b->is_read_only &&
               a->is_superblock_read_only == b->is_superblock_read_only;
}

void mount_diff(const MountSet *before, const MountSet *after, const MountDiffCalls *calls, void *userdata) {
        for (size_t i = 0; i < before->n; i++) {
                const MountInfo *now = mount_set_find(after, before->items[i].mount_id);

                if (!now || !is_same_mount(before->items + i, now))
                        calls->on_gone(before->items + i, userdata);
        }

        for (size_t i = 0; i < after->n; i++) {
                const MountInfo *then = mount_set_find(before, after->items[i].mount_id);

                if (!then || !is_same_mount(then, after->items + i) || !looks_the_same(then, after->items + i))
                        calls->on_mounted(after->items + i, userdata);
        }
}
