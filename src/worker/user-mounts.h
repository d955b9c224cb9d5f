/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where one superblock is mounted, in every mount namespace, as the namespaces themselves tell it: nothing is opened
 * but /proc. For child processes: a machine may have very many mounts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Further namespaces, or roots within them, are counted, not read. */
#define USER_NAMESPACES_MAX 4096
#define USER_MOUNTINFO_LIMIT_BYTES ((size_t) 64 * 1024 * 1024)

/* One mount namespace as processes with one root see it. */
typedef struct UserNamespace {
        uint64_t number;                /* of the namespace: what its link shows */
        char *root;                     /* of the process that was asked */
        char **places;                  /* mount points of the superblock, from the root of the namespace */
        size_t n_places;
} UserNamespace;

typedef struct OwnMount {
        char *place;
        bool is_it;
} OwnMount;

typedef struct UserMounts {
        dev_t device_number;
        OwnMount *own;                  /* all mounts of our own namespace, in the kernel's order */
        size_t n_own, n_own_allocated;
        UserNamespace *namespaces;      /* the first is our own, if it could be read */
        size_t n_namespaces, n_namespaces_allocated;
        int *mount_ids;                 /* of the superblock; sorted once all is read */
        size_t n_mount_ids, n_mount_ids_allocated;
        int *other_ids;                 /* of all others; the same */
        size_t n_other_ids, n_other_ids_allocated;
        uint64_t n_left_out;            /* namespaces that could not be read, or were too many */
} UserMounts;

void user_mounts_clear(UserMounts *mounts);

/* Reads the namespaces of all processes. Returns 0 or -ENOMEM. */
int user_mounts_read(dev_t device_number, UserMounts *ret_mounts);

/* The same of one text of mountinfo, for tests. @root: of the process whose text it is. */
int user_mounts_add(UserMounts *mounts, uint64_t namespace_number, const char *root, char *mountinfo);
void user_mounts_sort(UserMounts *mounts);

typedef enum MountAnswer {
        MOUNT_IS_OTHER,
        MOUNT_IS_IT,
        MOUNT_IS_UNKNOWN,               /* in none of the namespaces: mounted since, or nowhere any more */
} MountAnswer;

MountAnswer user_mounts_find(const UserMounts *mounts, int mount_id);

/* Whether a path, as a process of that namespace is shown it, could lie on the superblock. It does not say that it
 * does: another one may be mounted over it. */
bool user_mounts_may_hold(const UserMounts *mounts, uint64_t namespace_number, const char *path);

/* Whether the last mount over a path of our own namespace is one of the superblock. */
bool user_mounts_covers(const UserMounts *mounts, const char *path);

/* "mnt:[4026531841]" -> its number. Returns 0 or -EBADMSG. */
int namespace_link_parse(const char *link, uint64_t *ret_number);

/* Reads a link of /proc into @buffer, always terminated. Returns 0; -ENAMETOOLONG; or another negative errno. */
int proc_link_read(const char *path, char *buffer, size_t size_bytes);

/* Whether a mount that was not known is in the namespace of this process. @id: of a process, or "PID/task/TID". */
MountAnswer user_mounts_ask_again(const UserMounts *mounts, const char *id, int mount_id);
