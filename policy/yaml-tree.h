/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to a tree of scalars, lists and maps, each with its place in the file: the only file that
 * knows libyaml. A strict subset: UTF-8, one document, no anchors, aliases, tags, merge keys or
 * directives, no duplicate keys. What a scalar means is decided by who asks for it, never guessed
 * here, so that `on`, `no` and `07` are plain text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy-problem.h"

#define YAML_TEXT_MAX ((size_t) 1024 * 1024)
/* Some 40,000 recorded events. */
#define YAML_STREAM_MAX ((size_t) 16 * 1024 * 1024)
#define YAML_DEPTH_MAX 16
/* More keys in one map than any map of ours can have. */
#define YAML_MAP_KEYS_MAX 256

typedef enum YamlKind {
        YAML_KIND_SCALAR,
        YAML_KIND_LIST,
        YAML_KIND_MAP,
} YamlKind;

typedef struct YamlNode YamlNode;

struct YamlNode {
        YamlKind kind;
        bool is_quoted;                 /* scalars: written in quotes or as a block */
        bool is_refused;                /* stands for something that was reported already: say nothing more about it */
        SourcePosition position;
        const char *text;               /* scalars: terminated, without NUL bytes inside */
        size_t length;
        size_t n_children;              /* lists: values; maps: pairs */
        YamlNode *first;                /* lists: the first value; maps: the first key */
        YamlNode *next;                 /* the next one in the list or map this node belongs to */
        YamlNode *value;                /* of a key in a map */
};

/* Owns all its nodes. */
typedef struct YamlTree YamlTree;

/**
 * yaml_tree_parse() - read one text
 * @text, @length: need not be terminated; borrowed
 * @file:          index of the file in @problems, for the positions
 * @problems:      gets every violation that could be found
 * @ret_tree:      new; yaml_tree_free()
 *
 * Returns: 0 if the whole text could be read, also if @problems got errors on the way (the tree then has what
 * is left, so that it can be looked through for more); -EINVAL if it is not YAML or too large; -ENOMEM.
 */
int yaml_tree_parse(const char *text, size_t length, unsigned file, PolicyProblems *problems, YamlTree **ret_tree);
/* The same for events, which may be YAML_STREAM_MAX long. */
int yaml_tree_parse_stream(const char *text, size_t length, unsigned file, PolicyProblems *problems,
                           YamlTree **ret_tree);
YamlTree *yaml_tree_free(YamlTree *tree);
DEFINE_CLEANUP(YamlTree, yaml_tree_free)

/* NULL if the text holds nothing but blanks and comments. */
const YamlNode *yaml_tree_root(const YamlTree *tree);
/* The value of a key; NULL if the map has none. @map must be a map. */
const YamlNode *yaml_map_find(const YamlNode *map, const char *key);
/* A plain scalar that says nothing: empty, "~" or "null". */
bool yaml_node_is_null(const YamlNode *node);
/* "a scalar", "a list", "a map": for messages. */
const char *yaml_kind_to_text(YamlKind kind);

#define YAML_FOREACH(node, parent) for (const YamlNode *node = (parent)->first; node; node = node->next)
