/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joins equal reports and puts events into words. The words are upstream's log grammar (xfs_healer of xfsprogs 7),
 * because people and scripts read it today; what upstream has no line for is in the same shape.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/model/health-event.h"

/* The record's own fields end here; behind them is only padding. */
#define RAW_SHOWN_BYTES 48
/* Where the kernel's record has the time: differs in records that say the same. */
#define RAW_TIME_OFFSET 8
#define ELLIPSIS "..."

/* Media errors and lost data name what has to be restored: their ranges may not be widened beyond it. */
static bool range_may_differ(EventKind kind) {
        return kind == EVENT_READ_ERROR || kind == EVENT_WRITE_ERROR;
}

/* Each of these is a step in the life of a monitor, so that two of them are two steps. */
static bool is_transition(EventKind kind) {
        return kind == EVENT_WATCHING || kind == EVENT_UNMOUNTED || kind == EVENT_MONITOR_LOST;
}

static bool same_raw(const HealthEvent *a, const HealthEvent *b) {
        const size_t behind_time = RAW_TIME_OFFSET + sizeof(uint64_t);

        return a->raw_domain == b->raw_domain && a->raw_type == b->raw_type &&
               memcmp(a->raw, b->raw, RAW_TIME_OFFSET) == 0 &&
               memcmp(a->raw + behind_time, b->raw + behind_time, HEALTH_RECORD_SIZE - behind_time) == 0;
}

static uint64_t add_saturated(uint64_t a, uint64_t b) {
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Nothing lies between them: both together are one range. */
static bool touches(uint64_t a, uint64_t length_of_a, uint64_t b, uint64_t length_of_b) {
        return a <= add_saturated(b, length_of_b) && b <= add_saturated(a, length_of_a);
}

static bool same_target(const HealthEvent *a, const HealthEvent *b) {
        return a->domain == b->domain && a->structure == b->structure && a->unknown_bits == b->unknown_bits &&
               a->group == b->group && a->inode == b->inode && a->generation == b->generation;
}

static bool ranges_may_merge(const HealthEvent *a, const HealthEvent *b) {
        return touches(a->device_block, a->device_block_count, b->device_block, b->device_block_count) &&
               (range_may_differ(a->kind) ||
                touches(a->position_bytes, a->length_bytes, b->position_bytes, b->length_bytes));
}

bool health_event_may_merge(const HealthEvent *earlier, const HealthEvent *later) {
        if (earlier->filesystem_id != later->filesystem_id || earlier->kind != later->kind ||
            earlier->source != later->source || earlier->cause_id != later->cause_id ||
            earlier->is_test != later->is_test || !same_target(earlier, later))
                return false;
        if (earlier->error != later->error || earlier->io_path != later->io_path ||
            earlier->shutdown_reasons != later->shutdown_reasons || !text_equal(earlier->location, later->location))
                return false;
        if (is_transition(earlier->kind))
                return false;
        if (earlier->kind == EVENT_UNRECOGNISED && !same_raw(earlier, later))
                return false;

        return ranges_may_merge(earlier, later);
}

static void widen(uint64_t *start, uint64_t *length, uint64_t other_start, uint64_t other_length) {
        uint64_t end = max_of(add_saturated(*start, *length), add_saturated(other_start, other_length));

        *start = min_of(*start, other_start);
        *length = end - *start;
}

void health_event_merge(HealthEvent *earlier, const HealthEvent *later) {
        earlier->count = add_saturated(earlier->count, later->count);
        widen(&earlier->position_bytes, &earlier->length_bytes, later->position_bytes, later->length_bytes);
        widen(&earlier->device_block, &earlier->device_block_count, later->device_block, later->device_block_count);
}

bool health_event_is_unreadable(const HealthEvent *event) {
        return event->kind == EVENT_SICK && event->io_path == IO_PATH_MEDIA;
}

Severity health_event_severity(const HealthEvent *event) {
        return event_kind_severity(event->kind);
}

/* All writers below append to a buffer that is larger than anything they can say together. */
#define append(buffer, ...) ((void) text_append_format(buffer, EVENT_TEXT_SIZE, __VA_ARGS__))

static void append_inode(const HealthEvent *event, bool has_path, char *buffer) {
        if (!has_path)
                append(buffer, " ino %" PRIu64 " gen 0x%" PRIx32, event->inode, event->generation);
}

static void append_range(const HealthEvent *event, bool has_path, char *buffer) {
        append_inode(event, has_path, buffer);
        append(buffer, " pos %" PRIu64 " len %" PRIu64, event->position_bytes, event->length_bytes);
}

static void append_group(const HealthEvent *event, _unused_ bool has_path, char *buffer) {
        append(buffer, " %s 0x%" PRIx32, event->domain == DOMAIN_AG ? "agno" : "rgno", event->group);
}

static void append_blocks(const HealthEvent *event, _unused_ bool has_path, char *buffer) {
        append(buffer, " %s daddr 0x%" PRIx64 " bbcount 0x%" PRIx64, event_domain_to_name(event->domain),
               event->device_block, event->device_block_count);
}

typedef void (*AppendTarget)(const HealthEvent *event, bool has_path, char *buffer);

static const AppendTarget target_writers[] = {
        [DOMAIN_AG] = append_group,
        [DOMAIN_RTGROUP] = append_group,
        [DOMAIN_INODE] = append_inode,
        [DOMAIN_DATADEV] = append_blocks,
        [DOMAIN_LOGDEV] = append_blocks,
        [DOMAIN_RTDEV] = append_blocks,
        [DOMAIN_FILERANGE] = append_range,
};

static void append_structure(const HealthEvent *event, const char *separator, char *buffer) {
        if (event->structure == STRUCTURE_UNRECOGNISED && event->unknown_bits != 0)
                append(buffer, "%s0x%" PRIx32, separator, event->unknown_bits);
        else if (structure_to_name(event->structure))
                append(buffer, "%s%s", separator, structure_to_name(event->structure));
}

/* What stands between the subject and the colon, each word with a blank before it. */
static void append_target(const HealthEvent *event, bool has_path, char *buffer) {
        if (event->kind == EVENT_UNRECOGNISED) {
                append(buffer, " unrecognised event type %" PRIu32 " domain %" PRIu32, event->raw_type,
                       event->raw_domain);
                return;
        }

        if ((size_t) event->domain < ELEMENTSOF(target_writers) && target_writers[event->domain])
                target_writers[event->domain](event, has_path, buffer);
        append_structure(event, " ", buffer);
}

static void append_error_name(const HealthEvent *event, char *buffer) {
        /* Not strerror(): its words depend on the locale. */
        const char *description = strerrordesc_np(event->error);

        if (description)
                append(buffer, "%s", description);
        else
                append(buffer, "Unknown error %d", event->error);
}

static void append_raw(const HealthEvent *event, char *buffer) {
        size_t length = RAW_SHOWN_BYTES;

        while (length > 0 && event->raw[length - 1] == 0)
                length--;
        if (length > 0)
                append(buffer, ": ");
        for (size_t i = 0; i < length; i++)
                append(buffer, "%02x", event->raw[i]);
}

static void append_shutdown(const HealthEvent *event, char *buffer) {
        const char *separator = " due to ";
        uint32_t unknown = 0;

        append(buffer, ": filesystem shut down");
        for (uint32_t bit = 1; bit != 0; bit <<= 1) {
                if (!(event->shutdown_reasons & bit))
                        continue;
                if (!shutdown_reason_to_text(bit)) {
                        unknown |= bit;
                        continue;
                }
                append(buffer, "%s%s", separator, shutdown_reason_to_text(bit));
                separator = ", ";
        }
        if (unknown != 0)
                append(buffer, "%s0x%" PRIx32, separator, unknown);
}

static void append_io(const HealthEvent *event, char *buffer) {
        static const char *const words[][2] = {
                /* reading           writing */
                [IO_PATH_NONE] = { "read", "write" },
                [IO_PATH_BUFFERED] = { "buffered_read", "buffered_write" },
                [IO_PATH_DIRECT] = { "directio_read", "directio_write" },
                [IO_PATH_MEDIA] = { "media", "media" },
        };
        IoPath path = (size_t) event->io_path < ELEMENTSOF(words) ? event->io_path : IO_PATH_NONE;

        append(buffer, ": %s", words[path][event->kind == EVENT_WRITE_ERROR]);
        if (event->error == 0) {
                append(buffer, " failed");
                return;
        }
        append(buffer, ": ");
        append_error_name(event, buffer);
}

static void append_sick(const HealthEvent *event, char *buffer) {
        append(buffer, ": sick%s", event->io_path == IO_PATH_MEDIA ? ", a part of it cannot be read" : "");
}

static void append_lost(const HealthEvent *event, char *buffer) {
        append(buffer, ": %" PRIu64 " events lost", event->count);
}

typedef struct KindText {
        void (*append_state)(const HealthEvent *event, char *buffer);   /* NULL: @state says it */
        const char *state;
        bool has_error;         /* the error's name follows, if there is one */
} KindText;

static const KindText kind_texts[] = {
        [EVENT_UNRECOGNISED] = { append_raw, NULL, false },
        [EVENT_SICK] = { append_sick, NULL, false },
        [EVENT_CORRUPT] = { NULL, "corrupt", false },
        [EVENT_HEALTHY] = { NULL, "healthy", false },
        [EVENT_SHUTDOWN] = { append_shutdown, NULL, false },
        [EVENT_MEDIA_ERROR] = { NULL, "media error", false },
        [EVENT_READ_ERROR] = { append_io, NULL, false },
        [EVENT_WRITE_ERROR] = { append_io, NULL, false },
        /* Upstream never names the error here: the kernel always says EIO. */
        [EVENT_DATA_LOST] = { NULL, "media failed", false },
        [EVENT_EVENTS_LOST] = { append_lost, NULL, false },
        [EVENT_WATCHING] = { NULL, "monitoring started", false },
        [EVENT_UNMOUNTED] = { NULL, "filesystem unmounted", false },
        [EVENT_FILESYSTEM_ERROR] = { NULL, "filesystem error", true },
        [EVENT_REPAIR_DONE] = { NULL, "Repairs successful.", false },
        /* Not upstream's whole sentence: whether offline repair is needed is the job's outcome to say. */
        [EVENT_REPAIR_FAILED] = { NULL, "Repair unsuccessful", true },
        [EVENT_SCRUB_DONE] = { NULL, "full check done", false },
        [EVENT_SCRUB_FAILED] = { NULL, "full check failed", true },
        [EVENT_SURVEY_DONE] = { NULL, "survey done", false },
        [EVENT_SURVEY_FAILED] = { NULL, "survey failed", true },
        [EVENT_VERIFY_DONE] = { NULL, "media verified", false },
        [EVENT_VERIFY_FAILED] = { NULL, "verification of the media failed", true },
        [EVENT_UNIT_DONE] = { NULL, "unit ended well", false },
        [EVENT_UNIT_FAILED] = { NULL, "unit failed", true },
        [EVENT_WORKLOAD_FAILED] = { NULL, "who used it was failed", false },
        [EVENT_WORKLOAD_LEFT] = { NULL, "not all who used it could be failed", true },
        [EVENT_WORKLOAD_FROZEN] = { NULL, "who used it was frozen for a while", false },
        [EVENT_SHUTDOWN_DONE] = { NULL, "shut down as ordered", false },
        [EVENT_SHUTDOWN_FAILED] = { NULL, "could not be shut down", true },
        [EVENT_RECYCLE_DONE] = { NULL, "unmounted and mounted again", false },
        [EVENT_RECYCLE_FAILED] = { NULL, "unmounting and mounting again failed", true },
        [EVENT_ACTION_REFUSED] = { NULL, "action refused", true },
        [EVENT_MONITOR_LOST] = { NULL, "monitoring ended", true },
        [EVENT_CHECK_DUE] = { NULL, "full check due", false },
};
_Static_assert(ELEMENTSOF(kind_texts) == N_EVENT_KINDS, "every kind has a text");

static void append_state(const HealthEvent *event, char *buffer) {
        const KindText *text = (size_t) event->kind < ELEMENTSOF(kind_texts) ? kind_texts + event->kind : NULL;

        if (!text)
                return;
        if (text->append_state)
                text->append_state(event, buffer);
        else
                append(buffer, ": %s", text->state);
        if (text->has_error && event->error != 0) {
                append(buffer, ": ");
                append_error_name(event, buffer);
        }
        if (event->location[0])
                append(buffer, " at %s", event->location);
        if (event->count > 1 && event->kind != EVENT_EVENTS_LOST)
                append(buffer, " (%" PRIu64 " reports)", event->count);
}

/* A path can be longer than a line: it is cut, what happened (@tail) is not. */
static char *put_together(const char *subject, const char *path, const char *tail,
                          char buffer[static EVENT_TEXT_SIZE]) {
        size_t room = EVENT_TEXT_SIZE - strlen(tail) - strlen(ELLIPSIS);
        int r = 0;

        buffer[0] = '\0';
        /* Below the root folder the path is the name already. */
        if (!path || !text_equal(subject, "/"))
                r = text_append_escaped(buffer, room, subject, strlen(subject));
        if (r >= 0 && path)
                r = text_append_escaped(buffer, room, path, strlen(path));
        if (r < 0)
                append(buffer, ELLIPSIS);
        append(buffer, "%s", tail);
        return buffer;
}

static bool may_have_path(const HealthEvent *event) {
        return event->domain == DOMAIN_INODE || event->domain == DOMAIN_FILERANGE;
}

char *health_event_text(const HealthEvent *event, const char *subject, const char *path,
                        char buffer[static EVENT_TEXT_SIZE]) {
        return health_record_text(event, 1, subject, path, buffer);
}

char *health_record_text(const HealthEvent *events, size_t n_events, const char *subject, const char *path,
                         char buffer[static EVENT_TEXT_SIZE]) {
        bool has_path = path && may_have_path(events);
        char tail[EVENT_TEXT_SIZE] = "";

        append_target(events, has_path, tail);
        for (size_t i = 1; i < n_events; i++)
                append_structure(events + i, ", ", tail);
        append_state(events, tail);
        return put_together(subject, has_path ? path : NULL, tail, buffer);
}

char *health_event_answer_text(const HealthEvent *event, const char *subject, const char *path, const char *answer,
                               char buffer[static EVENT_TEXT_SIZE]) {
        bool has_path = path && may_have_path(event);
        char tail[EVENT_TEXT_SIZE] = "";

        append_target(event, has_path, tail);
        append(tail, ": %s", answer);
        return put_together(subject, has_path ? path : NULL, tail, buffer);
}

char *health_event_target_text(const HealthEvent *event, char buffer[static EVENT_TEXT_SIZE]) {
        char target[EVENT_TEXT_SIZE] = "";

        append_target(event, false, target);
        (void) text_copy(buffer, EVENT_TEXT_SIZE, target[0] == ' ' ? target + 1 : target);
        return buffer;
}

#define TARGET_WORDS_MAX 5      /* "ino 131 gen 0x5 directory" */

static size_t split(char *text, char *words[static TARGET_WORDS_MAX]) {
        size_t n = 0;
        char *rest;

        for (char *word = strtok_r(text, " ", &rest); word && n < TARGET_WORDS_MAX; word = strtok_r(NULL, " ", &rest))
                words[n++] = word;
        return n;
}

static int read_words(char *words[static TARGET_WORDS_MAX], size_t n, HealthEvent *event) {
        uint64_t group = 0, generation = 0;
        int r = 0;

        if (n == 1)
                event->domain = DOMAIN_FS;
        else if (n == 3) {
                event->domain = strcmp(words[0], "agno") == 0 ? DOMAIN_AG : DOMAIN_RTGROUP;
                r = number_parse_u64(words[1], 0, UINT32_MAX, &group);
        } else if (n == 5) {
                event->domain = DOMAIN_INODE;
                r = number_parse_u64(words[1], 1, UINT64_MAX, &event->inode);
                if (r >= 0)
                        r = number_parse_u64(words[3], 0, UINT32_MAX, &generation);
        } else
                r = -EINVAL;
        event->group = (uint32_t) group;
        event->generation = (uint32_t) generation;
        return r < 0 ? r : structure_from_name(event->domain, words[n - 1], &event->structure);
}

int health_event_read_target(const char *text, HealthEvent *ret_event) {
        HealthEvent event = { .kind = EVENT_SICK };
        char copy[EVENT_TEXT_SIZE], again[EVENT_TEXT_SIZE];
        char *words[TARGET_WORDS_MAX];

        if (text_copy(copy, sizeof(copy), text) < 0 || read_words(words, split(copy, words), &event) < 0 ||
            event.structure == STRUCTURE_UNRECOGNISED ||
            strcmp(health_event_target_text(&event, again), text) != 0)
                return -EINVAL;

        ret_event->domain = event.domain;
        ret_event->structure = event.structure;
        ret_event->group = event.group;
        ret_event->inode = event.inode;
        ret_event->generation = event.generation;
        return 0;
}
