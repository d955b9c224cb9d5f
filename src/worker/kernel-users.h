/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel itself uses of a file system: loop devices and what is stacked on them, swap, NFS exports, layers of
 * overlays. For child processes.
 */
#pragma once

#include "src/worker/user-reader.h"

/* Called for each; texts are borrowed. */
typedef void (*KernelUserFound)(UserKind kind, const char *name, const char *detail, void *userdata);

/* A file is found by the mounts of our own namespace, unless the kernel tells its inode (loop devices): only these are
 * found where an inode is looked for. @ret_n_hung: loop devices that could not be looked at. */
void kernel_users_find(UserReader *reader, KernelUserFound found, void *userdata, uint32_t *ret_n_hung);

/* Pure parts, for tests. In place. */
void kernel_users_in_swaps(const UserMounts *mounts, char *text, KernelUserFound found, void *userdata);
void kernel_users_in_exports(const UserMounts *mounts, char *text, KernelUserFound found, void *userdata);
