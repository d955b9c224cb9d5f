/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records between healerd and healer-recorder: what a well-formed one looks like, and how one travels.
 */

#include "src/history/history-protocol.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/packet.h"

static const char *const history_row_type_names[] = {
        [HISTORY_ROW_EVENT] = "event",
        [HISTORY_ROW_DECISION] = "decision",
        [HISTORY_ROW_ACTION] = "action",
};
DEFINE_NAMES(history_row_type, HistoryRowType)

static const char *const history_place_names[] = {
        [HISTORY_PLACE_ABSENT] = "absent",
        [HISTORY_PLACE_DISK] = "disk",
        [HISTORY_PLACE_MEMORY] = "memory",
        [HISTORY_PLACE_STALLED] = "stalled",
};
DEFINE_NAMES(history_place, HistoryPlace)

static const HistoryField number_fields[N_HISTORY_NUMBERS] = {
        [HISTORY_TIME_USEC] = { "time-usec", 't', 0 },
        [HISTORY_EVENT_ID] = { "id", 't', 0 },
        [HISTORY_CAUSE_ID] = { "cause", 't', 0 },
        [HISTORY_JOB_ID] = { "job-number", 't', 0 },
        [HISTORY_COUNT] = { "count", 't', 0 },
        [HISTORY_KERNEL_TIME_NSEC] = { "time-nsec", 't', 0 },
        [HISTORY_GROUP] = { "group", 'u', 0 },
        [HISTORY_INODE] = { "inode", 't', 0 },
        [HISTORY_GENERATION] = { "generation", 'u', 0 },
        [HISTORY_POSITION_BYTES] = { "position-bytes", 't', 0 },
        [HISTORY_LENGTH_BYTES] = { "length-bytes", 't', 0 },
        [HISTORY_DEVICE_BLOCK] = { "device-block", 't', 0 },
        [HISTORY_DEVICE_BLOCK_COUNT] = { "device-block-count", 't', 0 },
        [HISTORY_ERRNO_NUMBER] = { "errno-number", 'u', 0 },
        [HISTORY_SHUTDOWN_REASONS] = { "shutdown-reasons", 'u', 0 },
        [HISTORY_UNKNOWN_BITS] = { "unknown-bits", 'u', 0 },
        [HISTORY_IS_TEST] = { "test", 'b', 0 },
        [HISTORY_POLICY_GENERATION] = { "policy-generation", 't', 0 },
        [HISTORY_DURATION_USEC] = { "duration-usec", 't', 0 },
        [HISTORY_ATTEMPTS] = { "attempts", 'u', 0 },
        [HISTORY_CALLER_UID] = { "caller-uid", 'u', 0 },
        [HISTORY_IS_VERIFIED] = { "verified", 'b', 0 },
        [HISTORY_IS_REPEATED] = { "repeated", 'b', 0 },
};

/* The sizes leave room for what the pipeline's own buffers hold; their sum is HISTORY_TEXTS_SIZE at most. */
static const HistoryField text_fields[N_HISTORY_TEXTS] = {
        [HISTORY_KIND] = { "kind", 's', 48 },
        [HISTORY_SEVERITY] = { "severity", 's', 48 },
        [HISTORY_DOMAIN] = { "domain", 's', 48 },
        [HISTORY_STRUCTURE] = { "structure", 's', 48 },
        [HISTORY_ERRNO] = { "errno", 's', 48 },
        [HISTORY_SOURCE] = { "source", 's', 48 },
        [HISTORY_RULE] = { "rule", 's', 64 },
        [HISTORY_MODE] = { "mode", 's', 48 },
        [HISTORY_ACTIONS] = { "actions", 'a', 512 },
        [HISTORY_ACTION] = { "action", 's', 48 },
        [HISTORY_RESULT] = { "result", 's', 48 },
        [HISTORY_DETAIL] = { "detail", 's', 512 },
        [HISTORY_UUID] = { "uuid", 's', 48 },
        [HISTORY_DEVICE] = { "device", 's', 256 },
        [HISTORY_MOUNT] = { "mount", 'y', 1024 },
        [HISTORY_PATH] = { "path", 'y', 1024 },
        [HISTORY_TEXT] = { "text", 's', 2048 },
        [HISTORY_FACTS] = { "facts", 's', HISTORY_FACTS_SIZE },
};

const HistoryField *history_number_field(HistoryNumber number) {
        return number_fields + number;
}

const HistoryField *history_text_field(HistoryText text) {
        return text_fields + text;
}

HistoryText history_word_text(HistoryWord word) {
        static const HistoryText texts[N_HISTORY_WORDS] = {
                [HISTORY_WORD_KIND] = HISTORY_KIND,
                [HISTORY_WORD_STRUCTURE] = HISTORY_STRUCTURE,
                [HISTORY_WORD_RULE] = HISTORY_RULE,
                [HISTORY_WORD_RESULT] = HISTORY_RESULT,
        };

        return texts[word];
}

void history_values_set(HistoryValues *values, HistoryNumber number, uint64_t value) {
        values->known |= UINT32_C(1) << number;
        values->numbers[number] = value;
}

#define SIZE_OF(member) (offsetof(HistoryMessage, member) + sizeof(((HistoryMessage *) NULL)->member))
#define SIZE_OF_EMPTY_ROW (offsetof(HistoryMessage, row.texts) + N_HISTORY_TEXTS)
/* A key of one letter. */
#define SIZE_OF_SMALLEST_ENTRY (offsetof(HistoryMessage, entry.bytes) + 2)

/* The smallest size of a type; only rows and entries may be larger. 0: no such type. */
static size_t smallest_size(uint16_t type) {
        switch ((HistoryMessageType) type) {
        case HISTORY_HELLO:
        case HISTORY_HELLO_REPLY:
                return SIZE_OF(hello);
        case HISTORY_RECORD:
        case HISTORY_ROW:
                return SIZE_OF_EMPTY_ROW;
        case HISTORY_QUERY:
                return SIZE_OF(query);
        case HISTORY_TAKEN:
                return SIZE_OF(taken);
        case HISTORY_STATE:
                return SIZE_OF(state);
        case HISTORY_END:
                return SIZE_OF(end);
        case HISTORY_PUT:
        case HISTORY_REMOVE:
        case HISTORY_KEPT:
                return SIZE_OF_SMALLEST_ENTRY;
        case HISTORY_KEPT_END:
                return SIZE_OF(kept_end);
        case HISTORY_CHANGED:
                return SIZE_OF(changed);
        }

        return 0;
}

void history_message_init(HistoryMessage *message, HistoryMessageType type) {
        size_t size_bytes = smallest_size(type);

        assert(size_bytes > 0);

        memset(message, 0, size_bytes);
        message->header = (HistoryHeader) {
                .magic = HISTORY_PROTOCOL_MAGIC,
                .version = HISTORY_PROTOCOL_VERSION,
                .type = type,
                .size_bytes = (uint32_t) size_bytes,
        };
}

void history_message_set_row(HistoryMessage *message, HistoryMessageType type, uint64_t serial,
                             const HistoryValues *values) {
        char *at = message->row.texts;

        assert(type == HISTORY_RECORD || type == HISTORY_ROW);

        history_message_init(message, type);
        message->row.serial = serial;
        message->row.type = values->type;
        message->row.known = values->known;
        memcpy(message->row.numbers, values->numbers, sizeof(message->row.numbers));
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++) {
                size_t length = values->texts[i] ? strnlen(values->texts[i], text_fields[i].size_max - 1) : 0;

                if (length > 0)
                        memcpy(at, values->texts[i], length);
                at += length;
                *at++ = 0;
        }
        message->header.size_bytes = (uint32_t) (at - (char *) message);
}

void history_row_values(const HistoryRow *row, HistoryValues *ret_values) {
        const char *at = row->texts;

        *ret_values = (HistoryValues) { .type = row->type, .known = row->known };
        memcpy(ret_values->numbers, row->numbers, sizeof(row->numbers));
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++) {
                ret_values->texts[i] = at;
                at += strlen(at) + 1;
        }
}

static int row_check(const HistoryRow *row, size_t n_text_bytes, bool is_answer) {
        const char *at = row->texts, *end = row->texts + n_text_bytes;

        if (row->serial == 0 || row->serial > INT64_MAX || row->type >= N_HISTORY_ROW_TYPES ||
            row->known >> N_HISTORY_NUMBERS != 0 || !(row->known & 1 << HISTORY_TIME_USEC) ||
            (row->query_id != 0) != is_answer)
                return -EBADMSG;

        for (size_t i = 0; i < N_HISTORY_NUMBERS; i++) {
                char type = number_fields[i].bus_type;
                uint64_t max = type == 'b' ? 1 : type == 'u' ? UINT32_MAX : UINT64_MAX;

                if (row->numbers[i] > (row->known & UINT32_C(1) << i ? max : 0))
                        return -EBADMSG;
        }
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++) {
                const char *stop = at < end ? memchr(at, 0, (size_t) (end - at)) : NULL;

                if (!stop || (size_t) (stop - at) >= text_fields[i].size_max)
                        return -EBADMSG;
                at = stop + 1;
        }

        return at == end ? 0 : -EBADMSG;
}

bool history_key_is_valid(const char *key) {
        size_t length = strnlen(key, HISTORY_KEY_SIZE);

        if (length == 0 || length >= HISTORY_KEY_SIZE)
                return false;
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) key[i] < ' ' || key[i] == 0x7f)
                        return false;
        return true;
}

void history_message_set_entry(HistoryMessage *message, HistoryMessageType type, uint64_t serial, const char *key,
                               const void *value, size_t value_size) {
        size_t key_size = strlen(key) + 1;

        assert(type == HISTORY_PUT || type == HISTORY_REMOVE || type == HISTORY_KEPT);
        assert(history_key_is_valid(key) && value_size <= HISTORY_VALUE_MAX);

        history_message_init(message, type);
        message->entry.serial = serial;
        message->entry.key_size = (uint32_t) key_size;
        message->entry.value_size = (uint32_t) value_size;
        memcpy(message->entry.bytes, key, key_size);
        if (value_size > 0)
                memcpy(message->entry.bytes + key_size, value, value_size);
        message->header.size_bytes = (uint32_t) (offsetof(HistoryMessage, entry.bytes) + key_size + value_size);
}

const char *history_entry_key(const HistoryEntry *entry) {
        return (const char *) entry->bytes;
}

const void *history_entry_value(const HistoryEntry *entry) {
        return entry->bytes + entry->key_size;
}

static bool entry_is_valid(const HistoryEntry *entry, HistoryMessageType type, size_t n_bytes) {
        if (entry->key_size < 2 || entry->key_size > HISTORY_KEY_SIZE || entry->value_size > HISTORY_VALUE_MAX ||
            (size_t) entry->key_size + entry->value_size != n_bytes ||
            strnlen(history_entry_key(entry), entry->key_size) != entry->key_size - 1 ||
            !history_key_is_valid(history_entry_key(entry)))
                return false;

        return (entry->serial == 0) == (type == HISTORY_KEPT) && (type != HISTORY_REMOVE || entry->value_size == 0);
}

static bool query_is_valid(const HistoryQuery *query) {
        for (size_t i = 0; i < N_HISTORY_WORDS; i++)
                if (!memchr(query->words[i], 0, sizeof(query->words[i])))
                        return false;

        return query->query_id != 0 && query->wants_facts <= 1 && query->wants_oldest <= 1 && query->reserved == 0 &&
               query->n_max > 0 && query->n_max <= HISTORY_QUERY_ROWS_MAX &&
               memchr(query->filesystem, 0, sizeof(query->filesystem));
}

static bool payload_is_valid(const HistoryMessage *message, size_t size_bytes) {
        switch ((HistoryMessageType) message->header.type) {
        case HISTORY_HELLO:
        case HISTORY_HELLO_REPLY:
                return memchr(message->hello.program_version, 0, sizeof(message->hello.program_version));
        case HISTORY_RECORD:
        case HISTORY_ROW:
                return row_check(&message->row, size_bytes - offsetof(HistoryMessage, row.texts),
                                 message->header.type == HISTORY_ROW) == 0;
        case HISTORY_QUERY:
                return query_is_valid(&message->query);
        case HISTORY_TAKEN:
                return true;
        case HISTORY_STATE:
                return message->state.place < N_HISTORY_PLACES && message->state.error >= 0;
        case HISTORY_END:
                return message->end.query_id != 0 && message->end.error >= 0 &&
                       message->end.n_rows <= HISTORY_QUERY_ROWS_MAX;
        case HISTORY_PUT:
        case HISTORY_REMOVE:
        case HISTORY_KEPT:
                return entry_is_valid(&message->entry, message->header.type,
                                      size_bytes - offsetof(HistoryMessage, entry.bytes));
        case HISTORY_KEPT_END:
                return message->kept_end.n_rows <= HISTORY_KEPT_MAX && message->kept_end.is_durable <= 1 &&
                       message->kept_end.error >= 0 && message->kept_end.reserved == 0;
        case HISTORY_CHANGED:
                return message->changed.serial != 0;
        }

        return false;
}

/* Its size is its own. */
static bool is_of_any_size(uint16_t type) {
        return type == HISTORY_RECORD || type == HISTORY_ROW || type == HISTORY_PUT || type == HISTORY_REMOVE ||
               type == HISTORY_KEPT;
}

int history_message_check(const HistoryMessage *message, size_t size_bytes) {
        size_t smallest;

        if (size_bytes < sizeof(HistoryHeader) || size_bytes > sizeof(*message) ||
            message->header.magic != HISTORY_PROTOCOL_MAGIC)
                return -EBADMSG;
        if (message->header.version != HISTORY_PROTOCOL_VERSION)
                return -EPROTONOSUPPORT;

        smallest = smallest_size(message->header.type);
        if (smallest == 0 || size_bytes < smallest ||
            (size_bytes > smallest && !is_of_any_size(message->header.type)) ||
            message->header.size_bytes != size_bytes || message->header.reserved != 0)
                return -EBADMSG;

        return payload_is_valid(message, size_bytes) ? 0 : -EBADMSG;
}

int history_message_send(int socket_fd, const HistoryMessage *message) {
        int r;

        /* What we would not take ourselves is our own mistake: it must not look like the peer's. */
        r = history_message_check(message, message->header.size_bytes);
        return r < 0 ? r : packet_send(socket_fd, message, message->header.size_bytes, -EBADF);
}

int history_message_receive(int socket_fd, HistoryMessage *ret_message) {
        size_t size_bytes;
        int r;

        r = packet_receive(socket_fd, ret_message, sizeof(*ret_message), &size_bytes, NULL);
        return r < 0 ? r : history_message_check(ret_message, size_bytes);
}
