/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds and reads policy files, merges drop-ins, and gives one Policy or a list of problems: all or
 * nothing. The only file of this folder that opens files.
 *
 * Main file: the first of policy.yaml in /etc/xfs_healer, /run/xfs_healer, /usr/local/lib/xfs_healer,
 * /usr/lib/xfs_healer; none, or a link to /dev/null: the built-in default (no rules, baseline autofsck, mode
 * enforce). Drop-ins: policy.d/ENDING-IN.yaml of all four, in the order of their names whatever the
 * folder; of equal names the earlier folder wins, and a link to /dev/null or an empty file hides the name.
 */
#pragma once

#include <sys/types.h>

#include "policy/policy-compile.h"
#include "policy/policy-parse.h"

typedef struct PolicyLoadOptions {
        const char *root_directory;     /* stands before all paths, for tests; NULL: none; borrowed */
        bool check_ownership;           /* files and their folders belong to @owner and only the owner may write */
        uid_t owner;                    /* 0 for the daemon */
        uint64_t generation;            /* policy_generation() of the result */
} PolicyLoadOptions;

/**
 * policy_load() - load what this machine is configured with
 * @problems:   gets everything that is wrong, warnings also on success
 * @ret_policy: new; policy_unref()
 *
 * Returns: 0; -EINVAL if a file could not be read, is not trustworthy or has errors (all in @problems); -ENOMEM.
 */
int policy_load(const PolicyLoadOptions *options, PolicyProblems *problems, Policy **ret_policy);

/* One file alone, as a drop-in if it lies in a folder policy.d, else as a main file. Returns the same. */
int policy_load_file(const char *path, const PolicyLoadOptions *options, PolicyProblems *problems,
                     Policy **ret_policy);

/* One text as a main file; opens nothing. @name stands in messages. Returns the same. */
int policy_load_text(const char *name, const char *text, size_t length, uint64_t generation,
                     PolicyProblems *problems, Policy **ret_policy);

/* The built-in default. Returns 0 or -ENOMEM. */
int policy_load_builtin(uint64_t generation, Policy **ret_policy);
