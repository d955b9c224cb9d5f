/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One reader for each key, in two tables: a new fact is a row and its reader.
 */
#include "policy/event-example.h"

#include <string.h>
#include <time.h>

#include "policy/policy-parse-value.h"
#include "policy/policy-vocabulary.h"
#include "src/basic/text.h"

typedef struct Reader {
        PolicyParser parser;
        EventExample *example;
        const YamlNode *structure;      /* read last: its domain may stand behind it */
        const YamlNode *time;           /* the same with its zone */
        bool has_domain;
        bool is_out_of_memory;
} Reader;

typedef struct ExampleKey {
        const char *name;
        void (*read)(Reader *reader, const char *key, const YamlNode *value);
} ExampleKey;

static bool is_unknown(const YamlNode *value) {
        return value->kind == YAML_KIND_SCALAR && text_equal(value->text, "?");
}

/* One word of a match key, whose words are those of the vocabulary. */
static bool read_word(Reader *reader, const char *key, const char *path, const YamlNode *value, unsigned *ret_value) {
        const MatchKey *match_key = match_key_find(path);

        return parse_word(&reader->parser, value, key, match_key->word, match_key->n_words, ret_value);
}

/* The event */

static void read_kind(Reader *reader, const char *key, const YamlNode *value) {
        unsigned kind;

        if (!read_word(reader, key, "event", value, &kind))
                return;
        reader->example->event.kind = (EventKind) kind;
        /* Only what can be sick or well has a structure. */
        if (kind != EVENT_SICK && kind != EVENT_CORRUPT && kind != EVENT_HEALTHY) {
                reader->example->event.structure = STRUCTURE_NONE;
                if (!reader->has_domain)
                        reader->example->event.domain = DOMAIN_MOUNT;
        }
}

static void read_domain(Reader *reader, const char *key, const YamlNode *value) {
        unsigned domain;

        reader->has_domain = read_word(reader, key, "domain", value, &domain);
        if (reader->has_domain)
                reader->example->event.domain = (EventDomain) domain;
}

static void read_structure(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                reader->structure = value;
}

static bool read_number(Reader *reader, const char *key, const YamlNode *value, int64_t min, int64_t max,
                        int64_t *ret_number) {
        return parse_i64(&reader->parser, value, key, min, max, ret_number);
}

static void read_group(Reader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (read_number(reader, key, value, 0, UINT32_MAX, &number))
                reader->example->event.group = (uint32_t) number;
}

static void read_inode(Reader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (read_number(reader, key, value, 0, INT64_MAX, &number))
                reader->example->event.inode = (uint64_t) number;
}

static void read_count(Reader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (read_number(reader, key, value, 1, INT64_MAX, &number))
                reader->example->event.count = (uint64_t) number;
}

static void read_errno(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (!parse_text(&reader->parser, value, key, &text))
                return;
        if (errno_from_name(text, &reader->example->event.error) < 0)
                policy_error(reader->parser.problems, value->position,
                             "unknown error \"%s\": write its name, such as EIO", text);
}

static void add_shutdown_reason(Reader *reader, const char *key, const YamlNode *value) {
        unsigned reason;

        if (read_word(reader, key, "shutdown-reason", value, &reason))
                reader->example->event.shutdown_reasons |= UINT32_C(1) << reason;
}

static void read_shutdown_reason(Reader *reader, const char *key, const YamlNode *value) {
        reader->example->event.shutdown_reasons = 0;
        if (value->kind == YAML_KIND_SCALAR) {
                add_shutdown_reason(reader, key, value);
        } else if (parse_kind(&reader->parser, value, YAML_KIND_LIST, key)) {
                YAML_FOREACH(item, value)
                        add_shutdown_reason(reader, key, item);
        }
}

static void read_location(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text) &&
            text_copy(reader->example->event.location, EVENT_LOCATION_SIZE, text) < 0)
                policy_error(reader->parser.problems, value->position, "\"%s\" is too long", key);
}

static const ExampleKey event_keys[] = {
        { "kind", read_kind },
        { "domain", read_domain },
        { "structure", read_structure },
        { "group", read_group },
        { "inode", read_inode },
        { "errno", read_errno },
        { "count", read_count },
        { "shutdown-reason", read_shutdown_reason },
        { "location", read_location },
};

/* The file system */

static void keep_text(Reader *reader, char **text, const YamlNode *value) {
        free(*text);
        *text = value ? strdup(value->text) : NULL;
        if (value && !*text)
                reader->is_out_of_memory = true;
}

static void read_type(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                keep_text(reader, &reader->example->filesystem.type, is_unknown(value) ? NULL : value);
}

static void read_device(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                keep_text(reader, &reader->example->filesystem.device, is_unknown(value) ? NULL : value);
}

static void read_label(Reader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        const char *text;

        if (yaml_node_is_null(value)) {
                filesystem->label_state = FACT_ABSENT;
                keep_text(reader, &filesystem->label, NULL);
        } else if (parse_text(&reader->parser, value, key, &text)) {
                filesystem->label_state = is_unknown(value) ? FACT_UNKNOWN : FACT_KNOWN;
                keep_text(reader, &filesystem->label, is_unknown(value) ? NULL : value);
        }
}

static void read_uuid(Reader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        const char *text;

        if (yaml_node_is_null(value)) {
                filesystem->uuid_state = FACT_ABSENT;
                return;
        }
        if (!parse_text(&reader->parser, value, key, &text))
                return;
        filesystem->uuid_state = is_unknown(value) ? FACT_UNKNOWN : FACT_KNOWN;
        if (!is_unknown(value) && uuid_parse(text, filesystem->uuid) < 0)
                policy_error(reader->parser.problems, value->position, "\"%s\" is no UUID", text);
}

static void add_mount(Reader *reader, const char *key, const YamlNode *value) {
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

static void read_mounts(Reader *reader, const char *key, const YamlNode *value) {
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
        if (value->kind == YAML_KIND_SCALAR) {
                add_mount(reader, key, value);
        } else if (parse_kind(&reader->parser, value, YAML_KIND_LIST, key)) {
                YAML_FOREACH(item, value)
                        add_mount(reader, key, item);
        }
}

static void read_tristate(Reader *reader, const char *key, const YamlNode *value, Tristate *ret) {
        bool truth;

        if (is_unknown(value))
                *ret = TRISTATE_UNKNOWN;
        else if (parse_bool(&reader->parser, value, key, &truth))
                *ret = truth ? TRISTATE_YES : TRISTATE_NO;
}

static void read_root(Reader *reader, const char *key, const YamlNode *value) {
        read_tristate(reader, key, value, &reader->example->filesystem.is_root);
}

static void read_state(Reader *reader, const char *key, const YamlNode *value) {
        read_tristate(reader, key, value, &reader->example->filesystem.is_state);
}

static void read_removable(Reader *reader, const char *key, const YamlNode *value) {
        read_tristate(reader, key, value, &reader->example->filesystem.is_removable);
}

static void read_autofsck(Reader *reader, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &reader->example->filesystem;
        unsigned autofsck;

        if (is_unknown(value)) {
                filesystem->autofsck_state = FACT_UNKNOWN;
                filesystem->autofsck_error = EIO;
        } else if (read_word(reader, key, "fs.autofsck", value, &autofsck)) {
                filesystem->autofsck_state = FACT_KNOWN;
                filesystem->autofsck_error = 0;
                filesystem->autofsck = (Autofsck) autofsck;
        }
}

static void read_rmapbt(Reader *reader, const char *key, const YamlNode *value) {
        (void) parse_bool(&reader->parser, value, key, &reader->example->filesystem.has_rmapbt);
}

static void read_parents(Reader *reader, const char *key, const YamlNode *value) {
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

static void read_map(Reader *reader, const YamlNode *map, const char *what, const ExampleKey *keys, size_t n_keys) {
        const char *words[ELEMENTSOF(filesystem_keys) + ELEMENTSOF(event_keys)];

        for (size_t i = 0; i < n_keys; i++)
                words[i] = keys[i].name;
        YAML_FOREACH(key, map) {
                const ExampleKey *known = NULL;

                for (size_t i = 0; i < n_keys; i++)
                        if (text_equal(keys[i].name, key->text))
                                known = keys + i;
                if (!known)
                        parse_unknown_word(&reader->parser, key->position, what, key->text, words, n_keys, n_keys);
                else if (!key->value->is_refused)
                        known->read(reader, key->text, key->value);
        }
}

/* A structure's word alone tells its domain, unless several have one of that name and none is given. */
static void settle_structure(Reader *reader) {
        HealthEvent *event = &reader->example->event;
        const YamlNode *node = reader->structure;
        unsigned n_found = 0;

        if (!node || structure_from_name(event->domain, node->text, &event->structure) >= 0)
                return;
        if (text_equal(node->text, "none")) {
                event->structure = STRUCTURE_NONE;
                return;
        }
        for (unsigned domain = 0; domain < N_EVENT_DOMAINS; domain++) {
                Structure structure;

                if (reader->has_domain && domain != (unsigned) event->domain)
                        continue;
                if (structure_from_name((EventDomain) domain, node->text, &structure) < 0)
                        continue;
                event->structure = structure;
                if (!reader->has_domain)
                        event->domain = (EventDomain) domain;
                n_found++;
        }

        if (n_found == 0 && structure_name_exists(node->text))
                policy_error(reader->parser.problems, node->position, "there is no structure \"%s\" in domain %s",
                             node->text, event_domain_to_name(event->domain));
        else if (n_found == 0)
                policy_error(reader->parser.problems, node->position, "unknown structure \"%s\"", node->text);
        else if (n_found > 1)
                policy_error(reader->parser.problems, node->position,
                             "\"%s\" exists in several domains: write domain beside it, such as domain: ag",
                             node->text);
}

static void read_event(Reader *reader, const char *key, const YamlNode *value) {
        if (value->kind == YAML_KIND_SCALAR) {
                read_kind(reader, key, value);
        } else if (parse_kind(&reader->parser, value, YAML_KIND_MAP, key)) {
                read_map(reader, value, "key of an event", event_keys, ELEMENTSOF(event_keys));
                settle_structure(reader);
        }
}

static void read_filesystem(Reader *reader, const char *key, const YamlNode *value) {
        if (yaml_node_is_null(value))
                reader->example->has_filesystem = false;
        else if (parse_kind(&reader->parser, value, YAML_KIND_MAP, key))
                read_map(reader, value, "fact of a file system", filesystem_keys, ELEMENTSOF(filesystem_keys));
}

static void read_path(Reader *reader, const char *key, const YamlNode *value) {
        EventExample *example = reader->example;
        const char *text;

        if (yaml_node_is_null(value) || is_unknown(value)) {
                example->path_state = is_unknown(value) ? FACT_UNKNOWN : FACT_ABSENT;
        } else if (parse_text(&reader->parser, value, key, &text)) {
                if (text[0] != '/')
                        policy_error(reader->parser.problems, value->position, "\"%s\" is no absolute path", text);
                example->path_state = FACT_KNOWN;
                example->paths[0] = text;
        }
}

static const ExampleKey file_keys[] = {
        { "path", read_path },
};

static void read_file(Reader *reader, const char *key, const YamlNode *value) {
        if (yaml_node_is_null(value))
                reader->example->path_state = FACT_ABSENT;
        else if (parse_kind(&reader->parser, value, YAML_KIND_MAP, key))
                read_map(reader, value, "fact of a file", file_keys, ELEMENTSOF(file_keys));
}

static void read_time(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (is_unknown(value) || !parse_text(&reader->parser, value, key, &text))
                return;
        if (text_equal(text, "now"))
                reader->example->is_now = true;
        else
                reader->time = value;
}

static void read_zone(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;
        int r;

        if (!parse_text(&reader->parser, value, key, &text))
                return;
        r = zone_new_named(text, &reader->example->zone);
        if (r == -ENOMEM)
                reader->is_out_of_memory = true;
        else if (r < 0)
                policy_error(reader->parser.problems, value->position,
                             "unknown zone \"%s\": write a name as timedatectl list-timezones shows it, such as "
                             "Europe/Berlin", text);
}

static void settle_time(Reader *reader) {
        static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M" };
        const YamlNode *node = reader->time;
        int64_t realtime_sec;
        int r = -EINVAL;

        if (!node)
                return;
        for (size_t i = 0; i < ELEMENTSOF(formats) && r == -EINVAL; i++) {
                struct tm parts = {};
                const char *end = strptime(node->text, formats[i], &parts);
                const WallTime wall = {
                        .year = parts.tm_year + 1900,
                        .month = parts.tm_mon + 1,
                        .day = parts.tm_mday,
                        .hour = parts.tm_hour,
                        .minute = parts.tm_min,
                        .second = parts.tm_sec,
                };

                if (end && *end == 0)
                        r = zone_find_moment(reader->example->zone, &wall, &realtime_sec);
        }

        if (r >= 0)
                reader->example->realtime_usec = (uint64_t) realtime_sec * USEC_PER_SEC;
        else if (r == -ENOENT)
                policy_error(reader->parser.problems, node->position,
                             "\"%s\" does not exist in %s: the clock is set forward over it", node->text,
                             zone_name(reader->example->zone));
        else
                policy_error(reader->parser.problems, node->position,
                             "\"%s\" is no time: write it as 2026-11-28 03:10, or now", node->text);
}

static void read_name(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                reader->example->name = text;
}

static void read_texts(Reader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (!parse_kind(&reader->parser, value, YAML_KIND_LIST, key))
                return;
        YAML_FOREACH(item, value)
                (void) parse_text(&reader->parser, item, key, &text);
        if (text_equal(key, "expect"))
                reader->example->expect = value;
        else if (text_equal(key, "due"))
                reader->example->due = value;
        else
                reader->example->explain = value;
}

static void read_at(Reader *reader, const char *key, const YamlNode *value) {
        (void) parse_duration(&reader->parser, value, key, 0, TIMING_MAX_USEC, &reader->example->at_usec);
}

static const char *outcome_name_at(unsigned i) {
        return outcome_to_name((Outcome) i);
}

static void read_outcomes(Reader *reader, const char *key, const YamlNode *value) {
        EventExample *example = reader->example;
        unsigned outcome;

        if (!parse_kind(&reader->parser, value, YAML_KIND_LIST, key))
                return;
        if (value->n_children > ELEMENTSOF(example->outcomes)) {
                policy_error(reader->parser.problems, value->position, "%zu outcomes: write at most %zu",
                             value->n_children, ELEMENTSOF(example->outcomes));
                return;
        }
        YAML_FOREACH(item, value)
                if (parse_word(&reader->parser, item, "outcome", outcome_name_at, N_OUTCOMES, &outcome))
                        example->outcomes[example->n_outcomes++] = (Outcome) outcome;
}

static const ExampleKey example_keys[] = {
        { "event", read_event },
        { "fs", read_filesystem },
        { "file", read_file },
        { "time", read_time },
        { "zone", read_zone },
        { "name", read_name },
        { "at", read_at },
        { "outcomes", read_outcomes },
        { "expect", read_texts },
        { "due", read_texts },
        { "explain", read_texts },
};

static int fill_in(const EventFacts *defaults, EventExample *example) {
        static const FilesystemFacts nothing_known = {
                .is_root = TRISTATE_UNKNOWN,
                .is_state = TRISTATE_UNKNOWN,
                .is_removable = TRISTATE_UNKNOWN,
                .is_read_only = TRISTATE_UNKNOWN,
        };

        example->has_filesystem = true;
        if (defaults) {
                example->event = *defaults->event;
                return filesystem_facts_copy(defaults->filesystem, &example->filesystem);
        }
        example->event.count = 1;
        example->filesystem = nothing_known;
        return 0;
}

int event_example_read(const YamlNode *node, const EventFacts *defaults, PolicyProblems *problems,
                       EventExample *ret_example) {
        Reader reader = { .parser = { .problems = problems }, .example = ret_example };
        size_t n_before = problems->n_errors;
        int r;

        *ret_example = (EventExample) { .position = node->position };
        r = fill_in(defaults, ret_example);
        if (r < 0)
                return r;

        if (node->kind == YAML_KIND_SCALAR)
                read_event(&reader, "event", node);
        else if (!parse_kind(&reader.parser, node, YAML_KIND_MAP, "example"))
                return -EINVAL;
        else if (!yaml_map_find(node, "event") && !defaults)
                policy_error(problems, node->position, "an example needs an event, such as event: sick");
        else
                read_map(&reader, node, "key of an example", example_keys, ELEMENTSOF(example_keys));
        settle_time(&reader);

        if (reader.is_out_of_memory || problems->out_of_memory)
                return -ENOMEM;
        return problems->n_errors > n_before ? -EINVAL : 0;
}

void event_example_clear(EventExample *example) {
        filesystem_facts_clear(&example->filesystem);
        zone_free(example->zone);
        *example = (EventExample) {};
}

void event_example_set_now(EventExample *example, uint64_t now_realtime_usec, const Zone *machine) {
        if (!example->is_now)
                return;
        example->realtime_usec = now_realtime_usec;
        example->machine = machine;
}

EventFacts event_example_facts(const EventExample *example) {
        return (EventFacts) {
                .event = &example->event,
                .now_realtime_usec = example->realtime_usec,
                .zone = example->zone ?: example->machine,
                .filesystem = example->has_filesystem ? &example->filesystem : NULL,
                .path_state = example->path_state,
                .paths = example->paths,
        };
}
