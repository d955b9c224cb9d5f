/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends a mounted file system's life without unmounting it: XFS, ext4, f2fs and others have the same call.
 */
#pragma once

/* What was done is written to the log first, as far as it can be. @fd: anything on it. Returns 0, also if it was shut
 * down before; -ENOTTY or -EOPNOTSUPP if it cannot be; or another negative errno. Needs CAP_SYS_ADMIN. */
int filesystem_shut_down(int fd);
