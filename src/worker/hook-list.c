/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folder by folder, then one look at each file that is left.
 */
#include "src/worker/hook-list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/unit-trust.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

const char *const before_fail_folders[] = {
        "/etc/xfs_healer/before-fail.d",
        "/run/xfs_healer/before-fail.d",
        "/usr/local/lib/xfs_healer/before-fail.d",
        "/usr/lib/xfs_healer/before-fail.d",
        NULL,
};

void hook_list_clear(HookList *list) {
        free(list->hooks);
        *list = (HookList) {};
}

const char *hook_name_fault(const char *name) {
        if (!name[0] || name[strspn(name, NAME_CHARACTERS)])
                return "its name has others than letters, digits, - and _";
        return strlen(name) >= HOOK_NAME_SIZE ? "its name is too long" : NULL;
}

static const Hook *find(const HookList *list, const char *name) {
        for (size_t i = 0; i < list->n; i++)
                if (text_equal(list->hooks[i].name, name))
                        return list->hooks + i;
        return NULL;
}

/* Returns 0; 1 and a new one at the end; or -ENOMEM. */
static int add(HookList *list, const char *name, Hook **ret_hook) {
        Hook *hooks;

        if (list->n >= HOOK_FILES_MAX) {
                list->n_unlooked++;
                return 0;
        }
        hooks = reallocarray(list->hooks, list->n + 1, sizeof(*hooks));
        if (!hooks)
                return -ENOMEM;
        list->hooks = hooks;
        *ret_hook = hooks + list->n++;
        **ret_hook = (Hook) {};
        (void) text_append_escaped((*ret_hook)->name, HOOK_NAME_SIZE, name, strlen(name));
        return 1;
}

static bool is_mask(int folder_fd, const char *name) {
        char target[sizeof("/dev/null")];
        ssize_t length = readlinkat(folder_fd, name, target, sizeof(target));

        return length == (ssize_t) strlen("/dev/null") && memcmp(target, "/dev/null", (size_t) length) == 0;
}

static int add_file(HookList *list, const char *folder, int folder_fd, const char *name) {
        const char *fault = hook_name_fault(name);
        Hook *hook;
        int r;

        if (name[0] == '.' || find(list, name))
                return 0;
        r = add(list, name, &hook);
        if (r <= 0)
                return r;
        hook->is_masked = is_mask(folder_fd, name);
        (void) text_append_format(hook->path, sizeof(hook->path), "%s/%s", folder, name);
        (void) text_copy(hook->problem, sizeof(hook->problem), fault ?: "");
        return 0;
}

/* In the order of names, so that those beyond the limit are the same whatever the folder's order is. */
static int by_file_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(HookList *list, int root_fd, const char *folder) {
        _cleanup_(close_fd_at) int fd = openat(root_fd, folder + 1, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        struct dirent **entries = NULL;
        int n, r = 0;

        if (fd < 0)
                return -errno;
        n = scandirat(fd, ".", &entries, NULL, by_file_name);
        if (n < 0)
                return negative_errno();
        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = add_file(list, folder, fd, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int add_folder(HookList *list, int root_fd, uid_t owner, const char *folder) {
        char problem[JOB_DETAIL_SIZE] = "";
        struct stat attributes;
        Hook *hook;
        int r;

        r = trusted_path_check(root_fd, owner, folder, &attributes, problem, sizeof(problem));
        if (r >= 0) {
                r = read_folder(list, root_fd, folder);
                (void) text_copy(problem, sizeof(problem), r < 0 ? strerror(-r) : "");
        }
        if (r >= 0 || r == -ENOENT || r == -ENOMEM)
                return r == -ENOENT ? 0 : r;

        r = add(list, folder, &hook);
        if (r > 0)
                (void) text_append_format(hook->problem, sizeof(hook->problem), "it is not looked into: %s", problem);
        return min_of(r, 0);
}

static void look(Hook *hook, int root_fd, uid_t owner) {
        struct stat attributes;
        int r;

        if (hook->problem[0])
                return;
        r = trusted_path_check(root_fd, owner, hook->path, &attributes, hook->problem, sizeof(hook->problem));
        if (r < 0 && !hook->problem[0])
                (void) text_copy(hook->problem, sizeof(hook->problem), strerror(-r));
        if (r < 0)
                return;
        if (!S_ISREG(attributes.st_mode))
                (void) text_copy(hook->problem, sizeof(hook->problem), "it is no file");
        else if (!(attributes.st_mode & S_IXUSR))
                (void) text_copy(hook->problem, sizeof(hook->problem), "it is not executable");
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const Hook *) a)->name, ((const Hook *) b)->name);
}

int hook_list_read(int root_fd, uid_t owner, const char *const folders[], HookList *ret_list) {
        _cleanup_(hook_list_clear) HookList list = {};
        size_t n = 0, n_run = 0;
        int r = 0;

        for (size_t i = 0; folders[i] && r >= 0; i++)
                r = add_folder(&list, root_fd, owner, folders[i]);
        if (r < 0)
                return r;

        for (size_t i = 0; i < list.n; i++)
                if (!list.hooks[i].is_masked)
                        list.hooks[n++] = list.hooks[i];
        list.n = n;
        if (n > 0)
                qsort(list.hooks, n, sizeof(*list.hooks), by_name);
        for (size_t i = 0; i < n; i++) {
                Hook *hook = list.hooks + i;

                look(hook, root_fd, owner);
                if (!hook->problem[0] && ++n_run > HOOKS_MAX)
                        (void) text_append_format(hook->problem, sizeof(hook->problem), "no more than %d are run",
                                                  HOOKS_MAX);
        }
        *ret_list = list;
        list = (HookList) {};
        return 0;
}
