/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May xfs_scrub@.service of xfsprogs start on this file system? It repairs where the property autofsck says so, and
 * knows nothing of repairs that crash the running kernel.
 */
#pragma once

#include <stdbool.h>

#include "kernel/kernel-version.h"
#include "src/model/filesystem-facts.h"

/**
 * scrub_guard_allows() - is a full scan harmless?
 * @facts:      type, autofsck, and what the table of harmful repairs asks for
 * @ret_reason: why not, as the rest of a sentence
 *
 * A scan that only checks, or optimizes what is not damaged, is harmless. A property that could not be read may say
 * repair. Pure.
 */
bool scrub_guard_allows(KernelVersion running, const FilesystemFacts *facts, const char **ret_reason);
