/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libyaml's events to a tree in one arena. What the strict subset leaves out is reported where it
 * stands and read over, so that the rest of the file is checked as well.
 */
#include "policy/yaml-tree.h"

#include <string.h>
#include <yaml.h>

/* The sentence for everything that YAML reads differently from what people mean. */
#define QUOTE_IT "quote it with single quotes"

#define ARENA_BLOCK_SIZE (64 * 1024)

typedef struct ArenaBlock ArenaBlock;

struct ArenaBlock {
        ArenaBlock *next;
        size_t used, size;
        _Alignas(max_align_t) char memory[];
};

struct YamlTree {
        ArenaBlock *blocks;
        YamlNode *root;
};

/* One open list or map. */
typedef struct YamlLevel {
        YamlNode *parent;
        YamlNode **end;         /* where the next child is linked */
        YamlNode *key;          /* maps: the key that waits for its value */
        bool is_full;           /* maps: it was said that there are too many keys */
} YamlLevel;

typedef struct YamlReader {
        yaml_parser_t parser;
        YamlTree *tree;
        PolicyProblems *problems;
        unsigned file;
        YamlLevel levels[YAML_DEPTH_MAX];
        size_t depth;
        size_t skipped_depth;   /* > 0: inside a key that is no scalar, nothing is kept */
        unsigned n_documents;
} YamlReader;

YamlTree *yaml_tree_free(YamlTree *tree) {
        if (!tree)
                return NULL;

        for (ArenaBlock *block = tree->blocks, *next; block; block = next) {
                next = block->next;
                free(block);
        }
        free(tree);
        return NULL;
}

const YamlNode *yaml_tree_root(const YamlTree *tree) {
        return tree->root;
}

const YamlNode *yaml_map_find(const YamlNode *map, const char *key) {
        YAML_FOREACH(entry, map)
                if (strcmp(entry->text, key) == 0)
                        return entry->value;

        return NULL;
}

bool yaml_node_is_null(const YamlNode *node) {
        return node->kind == YAML_KIND_SCALAR && !node->is_quoted &&
               (node->length == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *yaml_kind_to_text(YamlKind kind) {
        switch (kind) {
        case YAML_KIND_SCALAR:
                return "a single value";
        case YAML_KIND_LIST:
                return "a list";
        case YAML_KIND_MAP:
                return "a map";
        }

        return NULL;
}

static void *arena_take(YamlTree *tree, size_t size) {
        size_t aligned = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
        ArenaBlock *block = tree->blocks;

        if (!block || block->size - block->used < aligned) {
                size_t block_size = max_of(aligned, (size_t) ARENA_BLOCK_SIZE);

                block = malloc(sizeof(*block) + block_size);
                if (!block)
                        return NULL;
                block->next = tree->blocks;
                block->used = 0;
                block->size = block_size;
                tree->blocks = block;
        }

        block->used += aligned;
        return block->memory + block->used - aligned;
}

static SourcePosition mark_position(const YamlReader *reader, const yaml_mark_t *mark) {
        return (SourcePosition) {
                .file = reader->file,
                .line = (unsigned) mark->line + 1,
                .column = (unsigned) mark->column + 1,
        };
}

static YamlNode *node_new(YamlReader *reader, YamlKind kind, const yaml_mark_t *mark) {
        YamlNode *node = arena_take(reader->tree, sizeof(*node));

        if (node)
                *node = (YamlNode) { .kind = kind, .position = mark_position(reader, mark) };
        return node;
}

/* Returns false if the key is not to be kept. */
static bool check_key(YamlReader *reader, YamlLevel *level, const YamlNode *key) {
        if (!key->is_quoted && strcmp(key->text, "<<") == 0)
                policy_error(reader->problems, key->position,
                             "merge keys (\"<<\") are not part of the policy language: write the keys out");
        if (key->length == 0)
                policy_error(reader->problems, key->position, "empty key: write a word before the colon");
        if (level->parent->n_children >= YAML_MAP_KEYS_MAX) {
                if (!level->is_full)
                        policy_error(reader->problems, key->position, "more than %d keys in one map: remove some",
                                     YAML_MAP_KEYS_MAX);
                level->is_full = true;
                return false;
        }

        YAML_FOREACH(earlier, level->parent)
                if (strcmp(earlier->text, key->text) == 0) {
                        policy_error(reader->problems, key->position,
                                     "duplicate key \"%s\": it stands in line %u already, write it once", key->text,
                                     earlier->position.line);
                        return false;
                }

        return true;
}

/* Links a finished scalar or a list or map that begins into what is open. */
static void attach(YamlReader *reader, YamlNode *node) {
        YamlLevel *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;

        if (!level) {
                if (reader->n_documents == 1)
                        reader->tree->root = node;
        } else if (level->parent->kind == YAML_KIND_MAP && level->key) {
                level->key->value = node;
                level->key = NULL;
        } else {
                if (level->parent->kind == YAML_KIND_MAP) {
                        level->key = node;
                        if (!check_key(reader, level, node))
                                return;
                }
                *level->end = node;
                level->end = &node->next;
                level->parent->n_children++;
        }
}

static bool key_is_due(const YamlReader *reader) {
        const YamlLevel *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;

        return level && level->parent->kind == YAML_KIND_MAP && !level->key;
}

/* Something that was reported keeps its place, so that the rest can be looked through. */
static int keep_refused(YamlReader *reader, const yaml_mark_t *mark) {
        YamlNode *node = node_new(reader, YAML_KIND_SCALAR, mark);

        if (!node)
                return -ENOMEM;

        node->is_refused = true;
        node->is_quoted = true;
        node->text = "?";
        node->length = strlen(node->text);
        attach(reader, node);
        return 0;
}

static int keep_scalar(YamlReader *reader, const yaml_mark_t *mark, const char *text, size_t length, bool is_quoted) {
        YamlNode *node;
        char *copy;

        node = node_new(reader, YAML_KIND_SCALAR, mark);
        copy = arena_take(reader->tree, length + 1);
        if (!node || !copy)
                return -ENOMEM;

        if (length > 0)
                memcpy(copy, text, length);
        copy[length] = '\0';
        if (strlen(copy) != length) {
                policy_error(reader->problems, node->position,
                             "a NUL character cannot be part of any value: remove it");
                length = strlen(copy);
        }
        node->text = copy;
        node->length = length;
        node->is_quoted = is_quoted;
        attach(reader, node);
        return 0;
}

static void refuse_anchor_and_tag(YamlReader *reader, const yaml_event_t *event, const yaml_char_t *anchor,
                                  const yaml_char_t *tag) {
        SourcePosition position = mark_position(reader, &event->start_mark);

        if (anchor)
                policy_error(reader->problems, position,
                             "\"&%s\" is an anchor, and anchors are not part of the policy language: "
                             "if it is meant as text, " QUOTE_IT, (const char *) anchor);
        if (tag)
                policy_error(reader->problems, position,
                             "\"%s\" is a tag, and tags are not part of the policy language: "
                             "if it is meant as text, " QUOTE_IT, (const char *) tag);
}

static int on_scalar(YamlReader *reader, const yaml_event_t *event) {
        bool is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;

        refuse_anchor_and_tag(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
        if (reader->skipped_depth > 0)
                return 0;

        return keep_scalar(reader, &event->start_mark, (const char *) event->data.scalar.value,
                           event->data.scalar.length, is_quoted);
}

static int on_alias(YamlReader *reader, const yaml_event_t *event) {
        policy_error(reader->problems, mark_position(reader, &event->start_mark),
                     "an unquoted \"*%s\" is an alias, and aliases are not part of the policy language: "
                     "if it is meant as text, " QUOTE_IT, (const char *) event->data.alias.anchor);
        if (reader->skipped_depth > 0)
                return 0;

        return keep_refused(reader, &event->start_mark);
}

static int on_open(YamlReader *reader, const yaml_event_t *event, YamlKind kind) {
        YamlNode *node;

        /* The end: libyaml's time grows with the square of the depth. */
        if (reader->depth + reader->skipped_depth >= YAML_DEPTH_MAX) {
                policy_error(reader->problems, mark_position(reader, &event->start_mark),
                             "nested deeper than %d levels: write it flatter", YAML_DEPTH_MAX);
                return -EINVAL;
        }
        if (reader->skipped_depth > 0) {
                reader->skipped_depth++;
                return 0;
        }
        if (key_is_due(reader)) {
                policy_error(reader->problems, mark_position(reader, &event->start_mark),
                             "%s cannot be a key: write a word; if braces or brackets are meant as text, " QUOTE_IT,
                             yaml_kind_to_text(kind));
                reader->skipped_depth = 1;
                return keep_refused(reader, &event->start_mark);
        }
        node = node_new(reader, kind, &event->start_mark);
        if (!node)
                return -ENOMEM;
        attach(reader, node);
        reader->levels[reader->depth++] = (YamlLevel) { .parent = node, .end = &node->first };
        return 0;
}

static void on_close(YamlReader *reader) {
        if (reader->skipped_depth > 0)
                reader->skipped_depth--;
        else
                reader->depth--;
}

static void on_document(YamlReader *reader, const yaml_event_t *event) {
        SourcePosition position = mark_position(reader, &event->start_mark);

        if (event->data.document_start.version_directive ||
            event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
                policy_error(reader->problems, position,
                             "directives (\"%%YAML\", \"%%TAG\") are not part of the policy "
                             "language: remove the line");
        if (++reader->n_documents == 2)
                policy_error(reader->problems, position,
                             "a second document begins here: a policy file is one document, remove \"---\"");
}

static int on_event(YamlReader *reader, const yaml_event_t *event) {
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return on_scalar(reader, event);
        case YAML_ALIAS_EVENT:
                return on_alias(reader, event);
        case YAML_SEQUENCE_START_EVENT:
                refuse_anchor_and_tag(reader, event, event->data.sequence_start.anchor,
                                      event->data.sequence_start.tag);
                return on_open(reader, event, YAML_KIND_LIST);
        case YAML_MAPPING_START_EVENT:
                refuse_anchor_and_tag(reader, event, event->data.mapping_start.anchor,
                                      event->data.mapping_start.tag);
                return on_open(reader, event, YAML_KIND_MAP);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                on_close(reader);
                return 0;
        case YAML_DOCUMENT_START_EVENT:
                on_document(reader, event);
                return 0;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                return 0;
        }

        return 0;
}

/* The place of byte @offset, for errors of libyaml's reader, which has no marks. */
static SourcePosition offset_position(unsigned file, const char *text, size_t offset) {
        SourcePosition position = { .file = file, .line = 1, .column = 1 };

        for (size_t i = 0; i < offset; i++)
                if (text[i] == '\n') {
                        position.line++;
                        position.column = 1;
                } else if (((unsigned char) text[i] & 0xc0) != 0x80)
                        position.column++;

        return position;
}

/* What libyaml says about well-known traps, and what people need to hear. */
static const struct {
        const char *context;    /* part of libyaml's context; NULL: any */
        const char *problem;    /* part of libyaml's problem */
        const char *text;
} yaml_traps[] = {
        { "scanning an alias", "",
          "an unquoted \"*\" begins an alias: " QUOTE_IT },
        { "scanning an anchor", "",
          "an unquoted \"&\" begins an anchor: " QUOTE_IT },
        { "tag", "",
          "an unquoted \"!\" begins a tag: " QUOTE_IT },
        { "quoted scalar", "unknown escape character",
          "a backslash in double quotes begins an escape, and YAML does not know this one: " QUOTE_IT },
        { "quoted scalar", "hexdecimal",
          "a backslash in double quotes begins an escape, and its digits are missing: " QUOTE_IT },
        { "quoted scalar", "unexpected end of stream",
          "the quote that begins here has no end: close it" },
        { "quoted scalar", "document indicator",
          "the quote that begins here has no end: close it" },
        { NULL, "cannot start any token",
          "this character cannot begin a value (a tab in the indentation is the usual reason; write spaces): "
          "if it is meant as text, " QUOTE_IT },
        { NULL, "mapping values are not allowed",
          "a colon and a blank end a key, and no key may end here: if it is meant as text, " QUOTE_IT
          "; else check the indentation" },
        { "flow mapping", "did not find expected ',' or '}'",
          "a \",\" or \"}\" is missing: close the map; text with braces, brackets, commas or colons in it: "
          QUOTE_IT },
        { "flow sequence", "did not find expected ',' or ']'",
          "a \",\" or \"]\" is missing: close the list; text with braces, brackets, commas or colons in it: "
          QUOTE_IT },
        { NULL, "found unexpected ':'",
          "a colon cannot stand here: " QUOTE_IT },
        { NULL, "could not find expected ':'",
          "a \":\" is missing after this key: write \"KEY: VALUE\", or indent it as part of the value above" },
        { "block mapping", "did not find expected key",
          "no key can begin here: check the indentation; text that begins with a quote or bracket and goes on after "
          "it: " QUOTE_IT },
        { "block collection", "did not find expected '-' indicator",
          "a list item is expected here: write \"- \" before it or check the indentation" },
        { NULL, "block sequence entries are not allowed",
          "a list cannot begin here: write it on the next line, indented" },
        { NULL, "unknown directive",
          "a line that begins with \"%\" is a directive: if it is meant as text, " QUOTE_IT },
        { NULL, "did not find expected <document start>",
          "the file goes on after its document has ended: one document is one map, check the indentation" },
};

static bool has_part(const char *text, const char *part) {
        return !part || (text && strstr(text, part));
}

static void report_parser_error(YamlReader *reader, const char *text, size_t length) {
        const yaml_parser_t *parser = &reader->parser;
        SourcePosition position = mark_position(reader, &parser->problem_mark);

        if (parser->error == YAML_READER_ERROR) {
                policy_error(reader->problems,
                             offset_position(reader->file, text, min_of(parser->problem_offset, length)),
                             "not readable text (%s): write UTF-8 without control characters", parser->problem);
                return;
        }

        for (size_t i = 0; i < ELEMENTSOF(yaml_traps); i++)
                if (has_part(parser->context, yaml_traps[i].context) &&
                    has_part(parser->problem, yaml_traps[i].problem)) {
                        /* For quotes without an end the beginning is of interest, not the end of the file. */
                        if (has_part(yaml_traps[i].text, "that begins here"))
                                position = mark_position(reader, &parser->context_mark);
                        policy_error(reader->problems, position, "%s", yaml_traps[i].text);
                        return;
                }

        policy_error(reader->problems, position, "not YAML: %s%s%s: check the indentation and the quotes",
                     parser->problem ?: "syntax error", parser->context ? " " : "", parser->context ?: "");
}

/* Returns 0 at the end of the text; -EINVAL after an error that ended it early and is in the problems; -ENOMEM. */
static int read_events(YamlReader *reader, const char *text, size_t length) {
        yaml_event_type_t type;
        int r;

        do {
                yaml_event_t event;

                if (!yaml_parser_parse(&reader->parser, &event)) {
                        if (reader->parser.error == YAML_MEMORY_ERROR)
                                return -ENOMEM;
                        report_parser_error(reader, text, length);
                        return -EINVAL;
                }

                type = event.type;
                r = on_event(reader, &event);
                yaml_event_delete(&event);
                if (r < 0)
                        return r;
        } while (type != YAML_STREAM_END_EVENT);

        return 0;
}

static int parse(const char *text, size_t length, unsigned file, PolicyProblems *problems, YamlTree **ret_tree) {
        _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
        YamlReader reader = { .problems = problems, .file = file };
        int r;

        tree = calloc(1, sizeof(*tree));
        if (!tree || !yaml_parser_initialize(&reader.parser))
                return -ENOMEM;

        reader.tree = tree;
        /* Said, because a guess by byte order marks would let UTF-16 in. */
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *) text, length);
        r = read_events(&reader, text, length);
        yaml_parser_delete(&reader.parser);
        if (problems->out_of_memory)
                return -ENOMEM;
        if (r < 0)
                return r;

        *ret_tree = steal_ptr(tree);
        return 0;
}

int yaml_tree_parse(const char *text, size_t length, unsigned file, PolicyProblems *problems, YamlTree **ret_tree) {
        if (length > YAML_TEXT_MAX) {
                policy_error(problems, ((SourcePosition) { .file = file }),
                             "larger than 1 MiB: split it into drop-ins in policy.d");
                return -EINVAL;
        }
        return parse(text, length, file, problems, ret_tree);
}

int yaml_tree_parse_stream(const char *text, size_t length, unsigned file, PolicyProblems *problems,
                           YamlTree **ret_tree) {
        if (length > YAML_STREAM_MAX) {
                policy_error(problems, ((SourcePosition) { .file = file }),
                             "larger than 16 MiB: split it into several streams");
                return -EINVAL;
        }
        return parse(text, length, file, problems, ret_tree);
}
