/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders of the worker's own below its runtime folder: in memory (/run), root's alone, and gone with the boot.
 */
#pragma once

/* Makes it if it is not there. Returns a new descriptor; -EPERM if it is not ours alone; or another negative errno. */
int runtime_folder_open(const char *runtime_dir, const char *name);
