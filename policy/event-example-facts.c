/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of file system and file in an example.
 */
#include "policy/event-example-internal.h"

#include <string.h>

#include "src/basic/text.h"

/* The file system */

static void keep_text(ExampleReader *reader, char **text, const YamlNode *value) {
        free(*text);
        *text = value ? strdup(value->text) : NULL;
        if (value && !*text)
                reader->is_out_of_memory = true;
}

static void read_type(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                keep_text(reader, &reader->example->filesystem.type, example_is_unknown(value) ? NULL : value);
}

static void read_device(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                keep_text(reader, &reader->example->filesystem.device, example_is_unknown(value) ? NULL : value);
}

static void read_label(ExampleReader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        const char *text;

        if (yaml_node_is_null(value)) {
                filesystem->label_state = FACT_ABSENT;
                keep_text(reader, &filesystem->label, NULL);
        } else if (parse_text(&reader->parser, value, key, &text)) {
                filesystem->label_state = example_is_unknown(value) ? FACT_UNKNOWN : FACT_KNOWN;
                keep_text(reader, &filesystem->label, example_is_unknown(value) ? NULL : value);
        }
}

static void read_uuid(ExampleReader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        const char *text;

        if (yaml_node_is_null(value)) {
                filesystem->uuid_state = FACT_ABSENT;
                return;
        }
        if (!parse_text(&reader->parser, value, key, &text))
                return;
        filesystem->uuid_state = example_is_unknown(value) ? FACT_UNKNOWN : FACT_KNOWN;
        if (!example_is_unknown(value) && uuid_parse(text, filesystem->uuid) < 0)
                policy_error(reader->parser.problems, value->position, "\"%s\" is no UUID", text);
}

static void add_mount(ExampleReader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        const char *text;

        if (!parse_text(&reader->parser, value, key, &text))
                return;
        if (text[0] != '/')
                policy_error(reader->parser.problems, value->position,
                             "\"%s\" is no mount point: write an absolute path", text);
        else if (filesystem->n_mounts >= EXAMPLE_MOUNTS_MAX)
                policy_error(reader->parser.problems, value->position, "more than %d mount points", EXAMPLE_MOUNTS_MAX);
        else if (filesystem_facts_add_mount(filesystem, text) < 0)
                reader->is_out_of_memory = true;
}

static void read_mounts(ExampleReader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;

        while (filesystem->n_mounts > 0) {
                char *last = filesystem->mounts[filesystem->n_mounts - 1];
                _cleanup_(free_at) char *name = strdup(last);

                if (!name) {
                        reader->is_out_of_memory = true;
                        return;
                }
                filesystem_facts_remove_mount(filesystem, name);
        }
        filesystem->are_mounts_unknown = example_is_unknown(value);
        if (filesystem->are_mounts_unknown || yaml_node_is_null(value))
                return;
        if (value->kind == YAML_KIND_SCALAR) {
                add_mount(reader, key, value);
        } else if (parse_kind(&reader->parser, value, YAML_KIND_LIST, key)) {
                YAML_FOREACH(item, value)
                        add_mount(reader, key, item);
        }
}

static void read_tristate(ExampleReader *reader, const char *key, const YamlNode *value, Tristate *ret) {
        bool truth;

        if (example_is_unknown(value))
                *ret = TRISTATE_UNKNOWN;
        else if (parse_bool(&reader->parser, value, key, &truth))
                *ret = truth ? TRISTATE_YES : TRISTATE_NO;
}

static void read_root(ExampleReader *reader, const char *key, const YamlNode *value) {
        read_tristate(reader, key, value, &reader->example->filesystem.is_root);
}

static void read_state(ExampleReader *reader, const char *key, const YamlNode *value) {
        read_tristate(reader, key, value, &reader->example->filesystem.is_state);
}

static void read_removable(ExampleReader *reader, const char *key, const YamlNode *value) {
        read_tristate(reader, key, value, &reader->example->filesystem.is_removable);
}

static void read_autofsck(ExampleReader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        unsigned autofsck;
        int error;

        if (example_is_unknown_why(value, &error)) {
                filesystem->autofsck_state = FACT_UNKNOWN;
                filesystem->autofsck_error = error > 0 ? error : EIO;
        } else if (example_read_word(reader, key, "fs.autofsck", value, &autofsck)) {
                filesystem->autofsck_state = FACT_KNOWN;
                filesystem->autofsck_error = 0;
                filesystem->autofsck = (Autofsck) autofsck;
        }
}

static void read_rmapbt(ExampleReader *reader, const char *key, const YamlNode *value) {
        (void) parse_bool(&reader->parser, value, key, &reader->example->filesystem.has_rmapbt);
}

static void read_parents(ExampleReader *reader, const char *key, const YamlNode *value) {
        (void) parse_bool(&reader->parser, value, key, &reader->example->filesystem.has_parent_pointers);
}

static const ExampleKey filesystem_keys[] = {
        { "type", read_type },
        { "mounts", read_mounts },
        { "label", read_label },
        { "uuid", read_uuid },
        { "device", read_device },
        { "root", read_root },
        { "state", read_state },
        { "removable", read_removable },
        { "autofsck", read_autofsck },
        { "rmapbt", read_rmapbt },
        { "parent-pointers", read_parents },
};

void example_read_filesystem(ExampleReader *reader, const char *key, const YamlNode *value) {
        if (yaml_node_is_null(value))
                reader->example->has_filesystem = false;
        else if (parse_kind(&reader->parser, value, YAML_KIND_MAP, key))
                example_read_map(reader, value, "fact of a file system", filesystem_keys, ELEMENTSOF(filesystem_keys));
}

/* The file */

static void add_path(ExampleReader *reader, const char *key, const YamlNode *value, size_t *n_paths) {
        EventExample *example = reader->example;
        const char *text;

        if (!parse_text(&reader->parser, value, key, &text))
                return;
        if (text[0] != '/')
                policy_error(reader->parser.problems, value->position, "\"%s\" is no absolute path", text);
        else if (*n_paths >= EXAMPLE_MOUNTS_MAX)
                policy_error(reader->parser.problems, value->position, "more than %d paths", EXAMPLE_MOUNTS_MAX);
        else
                example->paths[(*n_paths)++] = text;
}

static void read_path(ExampleReader *reader, const char *key, const YamlNode *value) {
        EventExample *example = reader->example;
        size_t n_paths = 0;

        if (yaml_node_is_null(value) || example_is_unknown_why(value, &example->path_error)) {
                example->path_state = yaml_node_is_null(value) ? FACT_ABSENT : FACT_UNKNOWN;
                return;
        }
        if (value->kind == YAML_KIND_LIST && value->first)
                YAML_FOREACH(item, value)
                        add_path(reader, key, item, &n_paths);
        else
                add_path(reader, key, value, &n_paths);
        example->path_state = FACT_KNOWN;
}

void example_read_account(ExampleReader *reader, const char *key, const YamlNode *value, Account *account) {
        const YamlNode *number = value->kind == YAML_KIND_LIST ? value->first : value;
        const YamlNode *name = value->kind == YAML_KIND_LIST && number ? number->next : NULL;
        int64_t parsed;
        const char *text;

        *account = (Account) { .state = FACT_KNOWN, .name_state = FACT_ABSENT };
        if (!number || value->kind == YAML_KIND_MAP || (value->kind == YAML_KIND_LIST && value->n_children != 2)) {
                policy_error(reader->parser.problems, value->position,
                             "\"%s\" is a number, or a list of number and name: write it as [117, postgres]", key);
                return;
        }
        if (example_read_number(reader, key, number, 0, UINT32_MAX, &parsed))
                account->number = (uint32_t) parsed;
        if (!name || !parse_text(&reader->parser, name, key, &text))
                return;
        account->name_state = example_is_unknown(name) ? FACT_UNKNOWN : FACT_KNOWN;
        if (text_copy(account->name, sizeof(account->name), text) < 0)
                policy_error(reader->parser.problems, name->position, "\"%s\" is too long", key);
}

static void read_owner_or_group(ExampleReader *reader, const char *key, const YamlNode *value) {
        FileOwner *owner = &reader->example->owner;
        Account *account = text_equal(key, "owner") ? &owner->user : &owner->group;

        int error;

        if (yaml_node_is_null(value)) {
                account->state = FACT_ABSENT;
        } else if (example_is_unknown_why(value, &error)) {
                account->state = FACT_UNKNOWN;
                owner->error = error;
        } else
                example_read_account(reader, key, value, account);
}

static void read_project(ExampleReader *reader, const char *key, const YamlNode *value) {
        FileOwner *owner = &reader->example->owner;
        int64_t number;

        if (yaml_node_is_null(value) || example_is_unknown_why(value, &owner->project_error)) {
                owner->project_state = yaml_node_is_null(value) ? FACT_ABSENT : FACT_UNKNOWN;
        } else if (example_read_number(reader, key, value, 0, UINT32_MAX, &number)) {
                owner->project_state = FACT_KNOWN;
                owner->project = (uint32_t) number;
        }
}

static const ExampleKey file_keys[] = {
        { "path", read_path },
        { "owner", read_owner_or_group },
        { "group", read_owner_or_group },
        { "project", read_project },
};

void example_read_file(ExampleReader *reader, const char *key, const YamlNode *value) {
        EventExample *example = reader->example;

        if (yaml_node_is_null(value)) {
                example->path_state = FACT_ABSENT;
                example->owner.user.state = example->owner.group.state = example->owner.project_state = FACT_ABSENT;
        } else if (parse_kind(&reader->parser, value, YAML_KIND_MAP, key))
                example_read_map(reader, value, "fact of a file", file_keys, ELEMENTSOF(file_keys));
}
