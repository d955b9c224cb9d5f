/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can the root file system be checked offline by a boot with the right parameters? xfsprogs' fsck.xfs runs xfs_repair
 * if it is forced (fsck.mode=force), and both have to be in the initramfs, because later the root is mounted.
 *
 * Judged by what the initramfs is made from: its generator, that one's hooks, and what these read. For child processes.
 */
#pragma once

#include "src/model/filesystem-facts.h"

/* @root: "", or a folder instead of it, for tests. */
BootCheck boot_check_look(const char *root);
