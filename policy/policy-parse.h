/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tree of one file -> rules as written. Finds every problem of the file in one pass.
 */
#pragma once

#include "policy/rule-source.h"
#include "policy/yaml-tree.h"

typedef enum PolicyFileRole {
        POLICY_FILE_MAIN,
        POLICY_FILE_DROP_IN,
} PolicyFileRole;

/**
 * policy_parse() - read one file's tree
 * @tree:       borrowed, not needed afterwards
 * @file:       index of the file in @problems
 * @ret_source: policy_source_clear(); written only on success
 *
 * Returns: 0; -EINVAL if @problems has an error; -ENOMEM.
 */
int policy_parse(const YamlTree *tree, unsigned file, PolicyFileRole role, PolicyProblems *problems,
                 PolicySource *ret_source);
