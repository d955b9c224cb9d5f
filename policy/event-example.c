/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One reader for each key, in tables: a new fact is a row and its reader. What is known of file system and file stands
 * in event-example-facts.c.
 */
#include "policy/event-example-internal.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "policy/policy-vocabulary.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

bool example_is_unknown(const YamlNode *value) {
        return value->kind == YAML_KIND_SCALAR && text_equal(value->text, "?");
}

int example_errno(const char *text, int *ret_error) {
        uint64_t number;

        if (errno_from_name(text, ret_error) >= 0)
                return 0;
        if (number_parse_u64(text, 1, EXAMPLE_ERRNO_MAX, &number) < 0)
                return -EINVAL;
        *ret_error = (int) number;
        return 0;
}

bool example_is_unknown_why(const YamlNode *value, int *ret_error) {
        *ret_error = 0;
        if (value->kind != YAML_KIND_SCALAR)
                return false;
        return example_is_unknown(value) ||
               (text_starts_with(value->text, "? ") && example_errno(value->text + 2, ret_error) >= 0);
}

bool example_read_word(ExampleReader *reader, const char *key, const char *path, const YamlNode *value,
                       unsigned *ret_value) {
        const MatchKey *match_key = match_key_find(path);

        return parse_word(&reader->parser, value, key, match_key->word, match_key->n_words, ret_value);
}

bool example_read_number(ExampleReader *reader, const char *key, const YamlNode *value, int64_t min, int64_t max,
                         int64_t *ret_number) {
        return parse_i64(&reader->parser, value, key, min, max, ret_number);
}

void example_read_map(ExampleReader *reader, const YamlNode *map, const char *what, const ExampleKey *keys,
                      size_t n_keys) {
        const char *words[EXAMPLE_KEYS_MAX];

        assert(n_keys <= ELEMENTSOF(words));
        for (size_t i = 0; i < n_keys; i++)
                words[i] = keys[i].name;
        YAML_FOREACH(key, map) {
                const ExampleKey *known = NULL;

                for (size_t i = 0; i < n_keys; i++)
                        if (text_equal(keys[i].name, key->text))
                                known = keys + i;
                if (!known)
                        parse_unknown_word(&reader->parser, key->position, what, key->text, words, n_keys);
                else if (!key->value->is_refused)
                        known->read(reader, key->text, key->value);
        }
}

/* The event */

static void read_kind(ExampleReader *reader, const char *key, const YamlNode *value) {
        unsigned kind;

        if (!example_read_word(reader, key, "event", value, &kind))
                return;
        reader->example->event.kind = (EventKind) kind;
        /* Only what can be sick or well has a structure. */
        if (kind != EVENT_SICK && kind != EVENT_CORRUPT && kind != EVENT_HEALTHY) {
                reader->example->event.structure = STRUCTURE_NONE;
                if (!reader->has_domain)
                        reader->example->event.domain = DOMAIN_MOUNT;
        }
}

static void read_domain(ExampleReader *reader, const char *key, const YamlNode *value) {
        unsigned domain;

        reader->has_domain = example_read_word(reader, key, "domain", value, &domain);
        if (reader->has_domain)
                reader->example->event.domain = (EventDomain) domain;
}

static void read_structure(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                reader->structure = value;
}

static void read_group(ExampleReader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (example_read_number(reader, key, value, 0, UINT32_MAX, &number))
                reader->example->event.group = (uint32_t) number;
}

static void read_inode(ExampleReader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (example_read_number(reader, key, value, 0, INT64_MAX, &number))
                reader->example->event.inode = (uint64_t) number;
}

static void read_generation(ExampleReader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (example_read_number(reader, key, value, 0, UINT32_MAX, &number))
                reader->example->event.generation = (uint32_t) number;
}

static void read_repeated(ExampleReader *reader, const char *key, const YamlNode *value) {
        (void) parse_bool(&reader->parser, value, key, &reader->example->event.is_repeated);
}

static void read_count(ExampleReader *reader, const char *key, const YamlNode *value) {
        int64_t number;

        if (example_read_number(reader, key, value, 1, INT64_MAX, &number))
                reader->example->event.count = (uint64_t) number;
}

static void read_errno(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (!parse_text(&reader->parser, value, key, &text))
                return;
        if (example_errno(text, &reader->example->event.error) < 0)
                policy_error(reader->parser.problems, value->position,
                             "unknown error \"%s\": write its name, such as EIO", text);
}

static void add_shutdown_reason(ExampleReader *reader, const char *key, const YamlNode *value) {
        unsigned reason;

        if (example_read_word(reader, key, "shutdown-reason", value, &reason))
                reader->example->event.shutdown_reasons |= UINT32_C(1) << reason;
}

static void read_shutdown_reason(ExampleReader *reader, const char *key, const YamlNode *value) {
        reader->example->event.shutdown_reasons = 0;
        if (value->kind == YAML_KIND_SCALAR) {
                add_shutdown_reason(reader, key, value);
        } else if (parse_kind(&reader->parser, value, YAML_KIND_LIST, key)) {
                YAML_FOREACH(item, value)
                        add_shutdown_reason(reader, key, item);
        }
}

static void read_location(ExampleReader *reader, const char *key, const YamlNode *value) {
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
        { "generation", read_generation },
        { "repeated", read_repeated },
        { "errno", read_errno },
        { "count", read_count },
        { "shutdown-reason", read_shutdown_reason },
        { "location", read_location },
};

/* A structure's word alone tells its domain, unless several have one of that name and none is given. */
static void settle_structure(ExampleReader *reader) {
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

static void read_event(ExampleReader *reader, const char *key, const YamlNode *value) {
        if (value->kind == YAML_KIND_SCALAR) {
                read_kind(reader, key, value);
        } else if (parse_kind(&reader->parser, value, YAML_KIND_MAP, key)) {
                example_read_map(reader, value, "key of an event", event_keys, ELEMENTSOF(event_keys));
                settle_structure(reader);
        }
}

static void read_time(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (example_is_unknown(value) || !parse_text(&reader->parser, value, key, &text))
                return;
        if (text_equal(text, "now"))
                reader->example->is_now = true;
        else
                reader->time = value;
}

static void read_zone(ExampleReader *reader, const char *key, const YamlNode *value) {
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

/* ".250000", six digits; returns what is behind it, or NULL. */
static const char *parse_micro(const char *text, uint64_t *ret_usec) {
        *ret_usec = 0;
        for (size_t i = 1; i <= 6; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return NULL;
                *ret_usec = *ret_usec * 10 + (uint64_t) (text[i] - '0');
        }
        return text + 7;
}

/* A day and a time, by the zone that is written, or by UTC if that stands behind it. */
static int parse_time(const char *text, const Zone *zone, uint64_t *ret_usec) {
        static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M" };
        struct tm parts = {};
        uint64_t micro_usec = 0;
        const char *end = NULL;
        WallTime wall;
        int64_t seconds;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(formats) && (!end || *end == ':'); i++) {
                parts = (struct tm) {};
                end = strptime(text, formats[i], &parts);
        }
        if (end && *end == '.')
                end = parse_micro(end, &micro_usec);
        if (!end || (*end != 0 && !text_equal(end, " UTC")))
                return -EINVAL;

        wall = (WallTime) {
                .year = parts.tm_year + 1900,
                .month = parts.tm_mon + 1,
                .day = parts.tm_mday,
                .hour = parts.tm_hour,
                .minute = parts.tm_min,
                .second = parts.tm_sec,
        };
        r = zone_find_moment(*end ? NULL : zone, &wall, &seconds);
        if (r >= 0)
                *ret_usec = (uint64_t) seconds * USEC_PER_SEC + micro_usec;
        return r;
}

static void settle_time(ExampleReader *reader) {
        const YamlNode *node = reader->time;
        int r;

        if (!node)
                return;
        r = parse_time(node->text, reader->example->zone, &reader->example->realtime_usec);
        if (r == -ENOENT)
                policy_error(reader->parser.problems, node->position,
                             "\"%s\" does not exist in %s: the clock is set forward over it", node->text,
                             zone_name(reader->example->zone));
        else if (r < 0)
                policy_error(reader->parser.problems, node->position,
                             "\"%s\" is no time: write it as 2026-11-28 03:10, or now", node->text);
}

static void read_name(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (parse_text(&reader->parser, value, key, &text))
                reader->example->name = text;
}

static void read_texts(ExampleReader *reader, const char *key, const YamlNode *value) {
        const char *text;

        if (!parse_kind(&reader->parser, value, YAML_KIND_LIST, key))
                return;
        YAML_FOREACH(item, value)
                (void) parse_text(&reader->parser, item, key, &text);
        if (text_equal(key, "expect"))
                reader->example->expect = value;
        else if (text_equal(key, "due"))
                reader->example->due = value;
        else if (text_equal(key, "left-out"))
                reader->example->left_out = value;
        else
                reader->example->explain = value;
}

static void read_at(ExampleReader *reader, const char *key, const YamlNode *value) {
        (void) parse_duration(&reader->parser, value, key, 0, TIMING_MAX_USEC, &reader->example->at_usec);
}

static const char *outcome_name_at(unsigned i) {
        return outcome_to_name((Outcome) i);
}

static void read_outcomes(ExampleReader *reader, const char *key, const YamlNode *value) {
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
        { "fs", example_read_filesystem },
        { "file", example_read_file },
        { "workload", example_read_workloads },
        { "time", read_time },
        { "zone", read_zone },
        { "name", read_name },
        { "at", read_at },
        { "outcomes", read_outcomes },
        { "expect", read_texts },
        { "due", read_texts },
        { "explain", read_texts },
        { "left-out", read_texts },
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
        ExampleReader reader = { .parser = { .problems = problems }, .example = ret_example };
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
                example_read_map(&reader, node, "key of an example", example_keys, ELEMENTSOF(example_keys));
        settle_time(&reader);

        if (reader.is_out_of_memory || problems->out_of_memory)
                return -ENOMEM;
        return problems->n_errors > n_before ? -EINVAL : 0;
}

void event_example_clear(EventExample *example) {
        filesystem_facts_clear(&example->filesystem);
        workload_facts_clear(&example->workloads);
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
                .path_error = example->path_error,
                .paths = example->paths,
                .owner = &example->owner,
                .workloads_state = example->workloads_state,
                .workloads_error = example->workloads_error,
                .workloads = &example->workloads,
        };
}
