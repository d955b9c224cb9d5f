/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who can write a file: what root runs because a policy names it must be root's alone, with every folder and every link
 * on the way to it.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/**
 * trusted_file_check() - can nobody but the owner change this file, or put another one in its place?
 * @root_fd:     where "/" is; borrowed
 * @owner:       whom everything has to belong to: root, but for tests
 * @path:        absolute
 * @ret_problem: one sentence, written on failure
 *
 * Looks at each folder and link of the path without following any; opens nothing that is no folder. May sleep as long
 * as the file systems on the way do: for a child.
 *
 * Returns: 0; -EPERM if somebody can; -ELOOP; or another negative errno if it cannot be looked at.
 */
int trusted_file_check(int root_fd, uid_t owner, const char *path, char *ret_problem, size_t problem_size);

/* The same for a file or a folder. @ret_attributes: of it, if nobody else can. */
int trusted_path_check(int root_fd, uid_t owner, const char *path, struct stat *ret_attributes, char *ret_problem,
                       size_t problem_size);
