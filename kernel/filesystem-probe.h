/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks one mounted file system what it is. For child processes: opening a path can hang.
 */
#pragma once

#include <stdbool.h>

#include "src/model/filesystem-facts.h"

/**
 * filesystem_open_root() - open a mount's root directory in the first mount namespace
 * @mount_point: absolute path as process 1 sees it; opened below /proc/1/root when that can be read, as it is otherwise
 * @device_number: the superblock that is meant; 0: any
 *
 * Returns: a descriptor (O_RDONLY, directory, close-on-exec; does not update the access time where allowed);
 * -ESTALE if another superblock is there; or another negative errno.
 */
int filesystem_open_root(const char *mount_point, dev_t device_number);

/* From now on paths are those of our own mount namespace, whatever process 1 sees: for a program that anybody may start
 * in a namespace of his own. */
void filesystem_open_by_own_root(void);

/**
 * filesystem_probe() - fill in what the open root directory can tell
 * @root_fd: borrowed
 * @facts:   type and device number must be set; uuid, label, features, autofsck, read-only are filled in
 *
 * XFS: geometry (label through FS_IOC_GETFSLABEL). Others: UUID through FS_IOC_GETFSUUID where the kernel has it, label
 * likewise. What cannot be had stays FACT_UNKNOWN or absent. Returns 0 or a negative errno only when nothing could be
 * asked at all.
 */
int filesystem_probe(int root_fd, FilesystemFacts *facts);

/**
 * filesystem_read_autofsck() - the administrator's property on the root directory
 *
 * Source: the extended attribute "trusted.xfs:autofsck" that xfs_property sets.
 * Returns: 0, an absent attribute being AUTOFSCK_UNSET; -EINVAL if it holds another word; -EPERM without CAP_SYS_ADMIN;
 * or another negative errno.
 */
int filesystem_read_autofsck(int root_fd, Autofsck *ret_autofsck);

/* Sets it, or removes it with AUTOFSCK_UNSET, also where there is none. Returns 0; -EROFS; -EIO once it is shut down;
 * or another negative errno. */
int filesystem_write_autofsck(int root_fd, Autofsck autofsck);

/**
 * filesystem_inode_generation() - the generation that an inode has now
 *
 * For reports about an inode whose core could not be read when they were made: they carry generation 0, and neither a
 * handle nor a repair of an inode that can be loaded (again) takes that.
 * Returns: 0; -ESTALE if the kernel cannot load it or there is no such inode; or another negative errno.
 * Source: XFS_IOC_BULKSTAT of this one number. Needs CAP_SYS_ADMIN.
 */
int filesystem_inode_generation(int root_fd, uint64_t inode, uint32_t *ret_generation);

/**
 * filesystem_inode_open() - pin one inode so that the kernel cannot have to load it again
 *
 * Opens by handle with O_PATH: nothing of the file is read. The inode is then known to be loadable.
 * @generation: 0: not known, whatever is there now
 *
 * Returns: a descriptor; -ESTALE if the kernel cannot load it or it is another generation; or another negative errno.
 * Needs CAP_DAC_READ_SEARCH, for generation 0 CAP_SYS_ADMIN as well.
 */
int filesystem_inode_open(int root_fd, uint64_t inode, uint32_t generation);

/**
 * filesystem_open_root_above() - the root directory of an XFS of which only a folder is mounted
 * @fd: a directory below that mount; borrowed
 *
 * No path leads there, but a handle does, and what is asked of the whole file system (its monitor, its autofsck
 * property) is asked of its root. The new descriptor keeps the same mount busy as @fd does.
 *
 * Returns: a descriptor as of filesystem_open_root(); -EOPNOTSUPP if this is no XFS; -EUCLEAN if
 * damage stands in the way; or another negative errno. Source: XFS_IOC_BULKSTAT of the root alone, which the kernel
 * always has in memory: of the disk at most the first blocks of the index of inodes are read. Needs CAP_SYS_ADMIN and
 * CAP_DAC_READ_SEARCH.
 */
int filesystem_open_root_above(int fd);

/**
 * filesystem_inode_path() - one path of an inode below the root, through parent pointers
 * @generation: 0: not known, whatever is there now
 * @ret_path: new, "/dir/file", "/" for the root itself; free()
 *
 * Returns 0; -ENODATA if the file system has no parent pointers or the walk did not end at the root; -ESTALE/-ENOENT if
 * the inode is gone; -ENAMETOOLONG beyond PATH_MAX; or another negative errno. Source: XFS_IOC_GETPARENTS_BY_HANDLE.
 * Bounded to 256 components. Needs CAP_SYS_ADMIN.
 */
int filesystem_inode_path(int root_fd, uint64_t inode, uint32_t generation, char **ret_path);

/* Each name that was found: below the root, "/dir/file"; borrowed. A negative errno ends the search. */
typedef int (*InodeNamed)(void *userdata, const char *path);

/**
 * filesystem_inode_names() - all of them
 *
 * As filesystem_inode_path(), for every name that leads to the root; those that do not, because a directory above is
 * damaged, are counted in @ret_n_lost. Returns how many were found, or a negative errno as filesystem_inode_path() if
 * it was none.
 */
int filesystem_inode_names(int root_fd, uint64_t inode, uint32_t generation, InodeNamed named, void *userdata,
                           size_t *ret_n_lost);

/* The type and permissions of an inode of XFS, as in stat. @generation: 0: whatever is there now. Returns 0, -ESTALE,
 * or another negative errno. */
int filesystem_inode_mode(int root_fd, uint64_t inode, uint32_t generation, uint16_t *ret_mode);

typedef struct InodeOwner {
        uint32_t uid, gid;
        int project_error;              /* 0, or positive errno: it is not known */
        uint32_t project;
} InodeOwner;

/**
 * filesystem_inode_owner() - whose an inode is
 * @type:       of the file system, "xfs"
 * @generation: 0: not known, whatever is there now
 *
 * XFS tells it of the number alone, and nothing is opened: no lease is broken, nobody who watches openings is asked,
 * and devices and pipes have a project, too. Of ext4 and f2fs, whose handles are known as well, the project is told of
 * an open file only, so of regular files and folders, and only if it is asked for (@with_project).
 *
 * Returns: 0; -ESTALE if the kernel cannot load it or it is another generation; -EOPNOTSUPP for another type; or
 * another negative errno. Source: XFS_IOC_BULKSTAT of this one number; FS_IOC_FSGETXATTR. Needs CAP_SYS_ADMIN and
 * CAP_DAC_READ_SEARCH.
 */
int filesystem_inode_owner(int root_fd, const char *type, uint64_t inode, uint32_t generation, bool with_project,
                           InodeOwner *ret_owner);
