/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader's document made of facts, by the getters of the vocabulary: a new match key is written where its path
 * says, and tests/unit/test-event-example.c asks that the reader takes it back. Runs for every event of a storm, so it
 * counts bytes and takes no memory.
 */
#include "policy/event-example-write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/event-example.h"
#include "policy/policy-vocabulary.h"
#include "src/basic/text.h"

/* One value; what is longer is not worth having beside the others. */
#define VALUE_SIZE_MAX 1024
/* All of those who use it: the first few tell most. */
#define WORKLOADS_SIZE_MAX 1536
/* What is kept free for the names of what was left out, and for the marks in their places. */
#define NAMES_SIZE 640
#define MARKS_SIZE 320

#define UNKNOWN_MARK "'?'"

typedef struct ExampleWriter {
        char *text;
        size_t length;                  /* without its NUL byte */
        size_t limit;                   /* of the length, for what is written now */
        bool has_failed;                /* what is written now does not fit, or cannot be written as text */
        uint64_t left_out;              /* match keys whose facts are not kept, a bit each */
} ExampleWriter;

static void put_bytes(ExampleWriter *writer, const char *bytes, size_t n) {
        if (writer->has_failed || writer->length + n > writer->limit) {
                writer->has_failed = true;
                return;
        }
        memcpy(writer->text + writer->length, bytes, n);
        writer->length += n;
}

static void put(ExampleWriter *writer, const char *text) {
        put_bytes(writer, text, strlen(text));
}

static void put_number(ExampleWriter *writer, uint64_t number) {
        char digits[20];
        size_t at = sizeof(digits);

        do
                digits[--at] = (char) ('0' + number % 10);
        while ((number /= 10) > 0);
        put_bytes(writer, digits + at, sizeof(digits) - at);
}

static bool is_plain(char c) {
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(ExampleWriter *writer, uint32_t code) {
        char text[12];

        (void) snprintf(text, sizeof(text),
                        code <= 0xff ? "\\x%02" PRIx32 : code <= 0xffff ? "\\u%04" PRIx32 : "\\U%08" PRIx32, code);
        put(writer, text);
}

/* In double quotes and in ASCII: whoever named a file says nothing to a terminal, and begins no line and no key. */
static void put_quoted(ExampleWriter *writer, const char *text) {
        size_t left = strlen(text);

        /* This would say that nothing is known, and an empty text is no value. */
        if (left == 0 || text_equal(text, "?"))
                writer->has_failed = true;
        put(writer, "\"");
        while (left > 0 && !writer->has_failed) {
                uint32_t code;
                size_t n = 0;

                while (n < left && is_plain(text[n]))
                        n++;
                if (n > 0) {
                        put_bytes(writer, text, n);
                } else {
                        n = text_decode_character(text, left, &code);
                        /* YAML has no way to write bytes that are no text. */
                        if (n == 0)
                                writer->has_failed = true;
                        else
                                put_escaped(writer, code);
                }
                text += n;
                left -= n;
        }
        put(writer, "\"");
}

static void put_quoted_list(ExampleWriter *writer, const char *const *texts, size_t n) {
        put(writer, "[");
        for (size_t i = 0; i < n; i++) {
                put(writer, i > 0 ? ", " : "");
                put_quoted(writer, texts[i]);
        }
        put(writer, "]");
}

static void put_word(ExampleWriter *writer, const MatchKey *key, uint64_t number) {
        const char *word = number < key->n_words ? key->word((unsigned) number) : NULL;

        if (word)
                put(writer, word);
        else
                writer->has_failed = true;
}

static void put_set(ExampleWriter *writer, const MatchKey *key, uint64_t set) {
        const char *separator = "[";

        for (unsigned i = 0; i < 64; i++)
                if (set & (UINT64_C(1) << i)) {
                        put(writer, separator);
                        put_word(writer, key, i);
                        separator = ", ";
                }
        put(writer, "]");
}

static void put_errno(ExampleWriter *writer, int error) {
        const char *name = errno_to_name(error);

        if (name)
                put(writer, name);
        else if (error <= 0 || error > EXAMPLE_ERRNO_MAX)
                writer->has_failed = true;
        else
                put_number(writer, (uint64_t) error);
}

/* 117, or [117, "postgres"] */
static void put_account(ExampleWriter *writer, const FactValue *value) {
        bool has_name = value->n_texts > 0 || value->is_unnamed;

        put(writer, has_name ? "[" : "");
        put_number(writer, value->number);
        if (value->is_unnamed)
                put(writer, ", " UNKNOWN_MARK);
        else if (has_name) {
                put(writer, ", ");
                put_quoted(writer, value->texts[0]);
        }
        put(writer, has_name ? "]" : "");
}

static void put_known(ExampleWriter *writer, const MatchKey *key, const FactValue *value) {
        switch (key->type) {
        case VALUE_TEXT:
        case VALUE_PATH:
        case VALUE_UUID:
                if (value->n_texts == 1)
                        put_quoted(writer, value->texts[0]);
                else
                        put_quoted_list(writer, value->texts, value->n_texts);
                break;
        case VALUE_WORD:
        case VALUE_BOOL:
                if (key->is_set)
                        put_set(writer, key, value->number);
                else
                        put_word(writer, key, value->number);
                break;
        case VALUE_NUMBER:
                put_number(writer, value->number);
                break;
        case VALUE_ERRNO:
                put_errno(writer, (int) value->number);
                break;
        case VALUE_ACCOUNT:
                put_account(writer, value);
                break;
        case VALUE_WINDOW:
                writer->has_failed = true;      /* the time has no place in a map: put_time() */
                break;
        }
}

static void put_value(ExampleWriter *writer, const MatchKey *key, const FactValue *value) {
        switch (value->state) {
        case FACT_UNKNOWN:
                put(writer, value->error > 0 ? "'? " : "'?");
                if (value->error > 0)
                        put_errno(writer, value->error);
                put(writer, "'");
                break;
        case FACT_ABSENT:
                put(writer, "~");
                break;
        case FACT_KNOWN:
                put_known(writer, key, value);
                break;
        }
}

static void put_key(ExampleWriter *writer, const char *name) {
        char last = writer->text[writer->length - 1];

        put(writer, last == '{' ? "" : ", ");
        put(writer, name);
        put(writer, ": ");
}

/* Takes back what was begun at @length if it failed. Returns whether it did not. */
static bool end_at(ExampleWriter *writer, size_t length) {
        bool has_failed = writer->has_failed;

        if (has_failed)
                writer->length = length;
        writer->has_failed = false;
        return !has_failed;
}

typedef enum MapId {
        MAP_EVENT,
        MAP_FILESYSTEM,
        MAP_FILE,
        MAP_NONE,
} MapId;

static const char *const map_names[] = {
        [MAP_EVENT] = "event",
        [MAP_FILESYSTEM] = "fs",
        [MAP_FILE] = "file",
};

/* Where a key stands in the document. */
typedef struct Place {
        MapId map;
        const char *name;
        bool is_none_unless_said;       /* to the reader; else it is unknown */
} Place;

/* Where the reader's word or place is another than the path says. */
static const struct {
        const char *path;
        Place place;
} exceptions[] = {
        { "event", { MAP_EVENT, "kind", false } },
        { "severity", { MAP_NONE, NULL, false } },      /* follows from the kind */
        { "fs.mount", { MAP_FILESYSTEM, "mounts", true } },
        { "time", { MAP_NONE, NULL, false } },          /* put_time() */
};

static Place find_place(const MatchKey *key) {
        const char *dot = strchr(key->path, '.');

        for (size_t i = 0; i < ELEMENTSOF(exceptions); i++)
                if (text_equal(exceptions[i].path, key->path))
                        return exceptions[i].place;
        /* put_workloads() */
        if (key->fact == POLICY_FACT_WORKLOAD)
                return (Place) { .map = MAP_NONE };
        if (!dot)
                return (Place) { .map = MAP_EVENT, .name = key->path };
        return (Place) { .map = text_starts_with(key->path, "fs.") ? MAP_FILESYSTEM : MAP_FILE, .name = dot + 1 };
}

/* By the index of the key; looked up once, because a storm asks a hundred thousand times. */
static const Place *places(void) {
        static Place found[MATCH_KEYS_MAX];
        static bool is_found;

        for (size_t i = 0; !is_found && i < match_key_count(); i++)
                found[i] = find_place(match_key_at(i));
        is_found = true;
        return found;
}

/* Nothing that has no value in an event needs to be said, and nothing that nobody tried to find out. */
static bool goes_without_saying(const Place *place, const FactValue *value) {
        if (value->state == FACT_ABSENT)
                return place->map == MAP_EVENT;
        return value->state == FACT_UNKNOWN && value->error <= 0 && !place->is_none_unless_said;
}

static bool are_absolute(const FactValue *value) {
        for (size_t i = 0; i < value->n_texts; i++)
                if (value->texts[i][0] != '/')
                        return false;
        return value->n_texts <= EXAMPLE_MOUNTS_MAX;
}

/* The reader takes no number beyond 63 bits and no mount point that is none, and knows a structure by word and domain.
 * What it refused would cost all the rest. */
static bool can_be_read(const EventFacts *facts, const MatchKey *key, const FactValue *value) {
        Structure structure;

        if (value->state != FACT_KNOWN)
                return true;
        if (text_equal(key->path, "structure"))
                return structure_from_name(facts->event->domain, structure_to_name(facts->event->structure) ?: "",
                                           &structure) >= 0;
        if (text_equal(key->path, "count"))
                return value->number >= 1 && value->number <= INT64_MAX;
        if (text_equal(key->path, "fs.mount") || text_equal(key->path, "file.path"))
                return are_absolute(value);
        return true;
}

static void put_fact(ExampleWriter *writer, const EventFacts *facts, const MatchKey *key, const Place *place,
                     const FactValue *value) {
        size_t length = writer->length, limit = writer->limit;

        writer->limit = min_of(limit, length + VALUE_SIZE_MAX);
        put_key(writer, place->name);
        if (can_be_read(facts, key, value))
                put_value(writer, key, value);
        else
                writer->has_failed = true;
        writer->limit = limit;
        if (end_at(writer, length))
                return;

        writer->left_out |= UINT64_C(1) << match_key_index(key);
        if (place->map == MAP_EVENT)
                return;
        /* What is not written there would be none, where it was too many. */
        writer->limit = limit + MARKS_SIZE;
        put_key(writer, place->name);
        put(writer, UNKNOWN_MARK);
        writer->limit = limit;
        (void) end_at(writer, length);
}

static void put_extra_number(ExampleWriter *writer, const char *name, uint64_t number) {
        size_t length = writer->length;

        if (number == 0)
                return;
        put_key(writer, name);
        put_number(writer, number);
        (void) end_at(writer, length);
}

static void put_extra_truth(ExampleWriter *writer, const char *name, bool truth) {
        size_t length = writer->length;

        if (!truth)
                return;
        put_key(writer, name);
        put(writer, "true");
        (void) end_at(writer, length);
}

/* What decides, and no rule can name. */
static void put_extras(ExampleWriter *writer, const EventFacts *facts, MapId map) {
        const HealthEvent *event = facts->event;

        if (map == MAP_EVENT) {
                put_extra_number(writer, "inode", min_of(event->inode, (uint64_t) INT64_MAX));
                put_extra_number(writer, "generation", event->generation);
                put_extra_truth(writer, "repeated", event->is_repeated);
        } else if (map == MAP_FILESYSTEM && facts->filesystem) {
                put_extra_truth(writer, "rmapbt", facts->filesystem->has_rmapbt);
                put_extra_truth(writer, "parent-pointers", facts->filesystem->has_parent_pointers);
        }
}

static void put_map(ExampleWriter *writer, const EventFacts *facts, MapId map) {
        size_t length = writer->length, limit = writer->limit, n_keys = 0, n_absent = 0, begin;

        writer->limit = limit + MARKS_SIZE;
        put_key(writer, map_names[map]);
        begin = writer->length;
        put(writer, "{");
        writer->limit = limit;
        for (size_t i = 0; i < match_key_count(); i++) {
                const Place *place = places() + i;
                FactValue value = {};

                if (place->map != map)
                        continue;
                match_key_at(i)->get(facts, &value);
                n_keys++;
                n_absent += value.state == FACT_ABSENT;
                if (!goes_without_saying(place, &value))
                        put_fact(writer, facts, match_key_at(i), place, &value);
        }
        put_extras(writer, facts, map);
        writer->limit = limit + MARKS_SIZE;
        if (n_absent == n_keys) {
                writer->length = begin;
                put(writer, "~");
        } else if (writer->length == begin + 1) {
                writer->length = length;
        } else {
                put(writer, "}");
        }
        writer->limit = limit;
}

static void put_text_if_any(ExampleWriter *writer, const char *name, const char *text) {
        if (!text[0])
                return;
        put_key(writer, name);
        put_quoted(writer, text);
}

static void put_workload(ExampleWriter *writer, const WorkloadFact *fact) {
        const char *account = fact->account;
        const FactValue user = {
                .number = fact->user,
                .is_unnamed = fact->account_state == FACT_UNKNOWN,
                .n_texts = fact->account_state == FACT_KNOWN,
                .texts = &account,
        };

        put(writer, "{");
        put_text_if_any(writer, "unit", fact->workload.unit);
        put_text_if_any(writer, "slice", fact->workload.slice);
        /* The reader takes no other, and refuses all of what it refuses a part of. */
        if (fact->cgroup[0] == '/')
                put_text_if_any(writer, "cgroup", fact->cgroup);
        if (fact->user_state == FACT_KNOWN) {
                put_key(writer, "user");
                put_account(writer, &user);
        }
        put_text_if_any(writer, "container", fact->workload.container);
        put_text_if_any(writer, "pod", fact->workload.pod);
        put(writer, "}");
}

/* As many as there is room for, each as a whole, and whether there are others. Returns whether all are there. */
static bool put_workload_list(ExampleWriter *writer, const WorkloadFacts *facts) {
        size_t limit = writer->limit, n = 0, n_put = 0;

        put(writer, "[");
        for (; n < facts->n_items; n++) {
                size_t length = writer->length;

                put(writer, n_put > 0 ? ", " : "");
                put_workload(writer, &facts->items[n]);
                n_put += end_at(writer, length);
        }
        writer->limit = limit + MARKS_SIZE;
        if (facts->is_partial || n_put < n) {
                put(writer, n_put > 0 ? ", " : "");
                put(writer, UNKNOWN_MARK);
        }
        put(writer, "]");
        writer->limit = limit;
        return n_put == n;
}

static void leave_out_workloads(ExampleWriter *writer) {
        for (size_t i = 0; i < match_key_count(); i++)
                if (match_key_at(i)->fact == POLICY_FACT_WORKLOAD)
                        writer->left_out |= UINT64_C(1) << i;
}

/* Who uses it, one after the other: what rules know of them together is made of that again. */
static void put_workloads(ExampleWriter *writer, const EventFacts *facts) {
        size_t length = writer->length, limit = writer->limit;
        FactValue unknown = { .state = FACT_UNKNOWN, .error = facts->workloads_error };
        bool is_whole = true;

        if (!facts->filesystem || (facts->workloads_state == FACT_UNKNOWN && facts->workloads_error <= 0))
                return;
        put_key(writer, "workload");
        if (facts->workloads_state == FACT_UNKNOWN)
                put_value(writer, match_key_at(0), &unknown);
        else if (facts->workloads_state == FACT_ABSENT)
                put(writer, "~");
        else {
                writer->limit = min_of(limit, length + WORKLOADS_SIZE_MAX);
                is_whole = put_workload_list(writer, facts->workloads);
                writer->limit = limit;
        }
        if (!end_at(writer, length) || !is_whole)
                leave_out_workloads(writer);
}

static void put_time(ExampleWriter *writer, const EventFacts *facts) {
        const char *name = zone_name(facts->zone);
        bool has_name = facts->zone && name[0] != '/' && name[0] != 0;
        time_t seconds = (time_t) (facts->now_realtime_usec / USEC_PER_SEC);
        struct tm utc;
        char text[64];

        if (facts->now_realtime_usec == 0)
                return;
        /* Nobody can look up a zone without a name; what its clock showed is what counts. */
        if (facts->zone && !has_name) {
                WallTime wall;

                zone_wall_time(facts->zone, seconds, &wall);
                utc = (struct tm) {
                        .tm_year = wall.year - 1900, .tm_mon = wall.month - 1, .tm_mday = wall.day,
                        .tm_hour = wall.hour, .tm_min = wall.minute, .tm_sec = wall.second,
                };
        } else if (!gmtime_r(&seconds, &utc)) {
                return;
        }

        (void) snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d.%06u UTC", utc.tm_year + 1900,
                        utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                        (unsigned) (facts->now_realtime_usec % USEC_PER_SEC));
        put_key(writer, "time");
        put_quoted(writer, text);
        if (has_name) {
                put_key(writer, "zone");
                put_quoted(writer, name);
        }
}

static void put_left_out(ExampleWriter *writer) {
        const char *separator = "";

        if (writer->left_out == 0)
                return;
        put_key(writer, "left-out");
        put(writer, "[");
        for (size_t i = 0; i < match_key_count(); i++)
                if (writer->left_out & (UINT64_C(1) << i)) {
                        put(writer, separator);
                        put(writer, match_key_at(i)->path);
                        separator = ", ";
                }
        put(writer, "]");
}

size_t event_example_write(const EventFacts *facts, char buffer[static EXAMPLE_TEXT_SIZE]) {
        ExampleWriter writer = {
                .text = buffer,
                .limit = EXAMPLE_TEXT_SIZE - sizeof("}") - NAMES_SIZE - MARKS_SIZE,
        };

        put(&writer, "{");
        /* The short ones first: they are in any case there. */
        put_time(&writer, facts);
        put_map(&writer, facts, MAP_EVENT);
        put_map(&writer, facts, MAP_FILESYSTEM);
        put_map(&writer, facts, MAP_FILE);
        put_workloads(&writer, facts);
        writer.limit = EXAMPLE_TEXT_SIZE - sizeof("}");
        put_left_out(&writer);
        writer.limit++;
        put(&writer, "}");
        buffer[writer.length] = 0;
        return writer.length;
}
