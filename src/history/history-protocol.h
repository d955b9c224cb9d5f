/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerd and healer-recorder say to each other: typed, bounded records over SOCK_SEQPACKET, one record a packet,
 * a hello with the version first. What happened goes to the recorder as rows and comes back as the same rows; a row is
 * known numbers and texts, named by one table that the database's columns and the bus follow.
 *
 * Beside it the recorder keeps state that has to survive healerd: a value for each key, opaque to the line and to the
 * recorder. All of it is told after the greeting, and again whenever the place changes where it is kept.
 *
 * The same machine and the same build speak here, so values are in native form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/basic/names.h"

#define HISTORY_PROTOCOL_MAGIC UINT32_C(0x48484452)
#define HISTORY_PROTOCOL_VERSION 5
#define HISTORY_SOCKET_PATH "/run/xfs_healer/recorder.sock"

typedef enum HistoryMessageType {
        /* healerd -> recorder */
        HISTORY_HELLO = 1,              /* HistoryHello */
        HISTORY_RECORD = 2,             /* HistoryRow: keep this */
        HISTORY_QUERY = 3,              /* HistoryQuery */
        HISTORY_PUT = 4,                /* HistoryEntry: the value of this key from now on */
        HISTORY_REMOVE = 5,             /* HistoryEntry: this key has none any more */

        /* recorder -> healerd */
        HISTORY_HELLO_REPLY = 32,       /* HistoryHello */
        HISTORY_TAKEN = 33,             /* HistoryTaken: every record up to this serial is kept and need not be sent
                                         * again */
        HISTORY_STATE = 34,             /* HistoryState: where records go now; after the hello and at each change, and
                                         * what is kept there (HISTORY_KEPT) behind it */
        HISTORY_ROW = 35,               /* HistoryRow: one answer to a query, oldest first */
        HISTORY_END = 36,               /* HistoryEnd: no more answers */
        HISTORY_KEPT = 37,              /* HistoryEntry: one of the keys that are kept, in the order of strcmp() */
        HISTORY_KEPT_END = 38,          /* HistoryKeptEnd: these are all */
        HISTORY_CHANGED = 39,           /* HistoryChanged: every change up to this serial is kept and need not be sent
                                         * again */
} HistoryMessageType;

typedef enum HistoryRowType {
        HISTORY_ROW_EVENT,
        HISTORY_ROW_DECISION,
        HISTORY_ROW_ACTION,             /* a job that ended, or a step that was refused */
} HistoryRowType;
DECLARE_NAMES(history_row_type, HistoryRowType)
#define N_HISTORY_ROW_TYPES (HISTORY_ROW_ACTION + 1)

typedef enum HistoryPlace {
        HISTORY_PLACE_ABSENT,           /* no recorder; never said by one */
        HISTORY_PLACE_DISK,
        HISTORY_PLACE_MEMORY,           /* the state folder cannot be used */
        HISTORY_PLACE_STALLED,          /* the recorder takes nothing, it may hang in the file system; never said by
                                         * one */
} HistoryPlace;
DECLARE_NAMES(history_place, HistoryPlace)
#define N_HISTORY_PLACES (HISTORY_PLACE_STALLED + 1)

typedef enum HistoryNumber {
        HISTORY_TIME_USEC,
        HISTORY_EVENT_ID,
        HISTORY_CAUSE_ID,
        HISTORY_JOB_ID,
        HISTORY_COUNT,
        HISTORY_KERNEL_TIME_NSEC,
        HISTORY_GROUP,
        HISTORY_INODE,
        HISTORY_GENERATION,
        HISTORY_POSITION_BYTES,
        HISTORY_LENGTH_BYTES,
        HISTORY_DEVICE_BLOCK,
        HISTORY_DEVICE_BLOCK_COUNT,
        HISTORY_ERRNO_NUMBER,
        HISTORY_SHUTDOWN_REASONS,
        HISTORY_UNKNOWN_BITS,
        HISTORY_IS_TEST,
        HISTORY_POLICY_GENERATION,
        HISTORY_DURATION_USEC,
        HISTORY_ATTEMPTS,
        HISTORY_CALLER_UID,
        HISTORY_IS_VERIFIED,
        HISTORY_IS_REPEATED,            /* an earlier healerd told it already */
} HistoryNumber;
#define N_HISTORY_NUMBERS (HISTORY_IS_REPEATED + 1)

typedef enum HistoryText {
        HISTORY_KIND,
        HISTORY_SEVERITY,
        HISTORY_DOMAIN,
        HISTORY_STRUCTURE,
        HISTORY_ERRNO,
        HISTORY_SOURCE,
        HISTORY_RULE,
        HISTORY_MODE,
        HISTORY_ACTIONS,                /* words with a comma between them */
        HISTORY_ACTION,
        HISTORY_RESULT,
        HISTORY_DETAIL,
        HISTORY_UUID,
        HISTORY_DEVICE,
        HISTORY_MOUNT,
        HISTORY_PATH,
        HISTORY_TEXT,
        HISTORY_FACTS,                  /* of an event: what the decision looked at, as policy/event-example.h reads it;
                                         * opaque to the line and to the recorder */
} HistoryText;
#define N_HISTORY_TEXTS (HISTORY_FACTS + 1)

#define HISTORY_FACTS_SIZE 4096         /* with its NUL byte */

/* Where a value stands on the bus and, with "_" for "-", in the database. */
typedef struct HistoryField {
        const char *name;
        char bus_type;                  /* 't', 'u', 'b', 's', 'y' (a path, "ay"), 'a' ("as") */
        size_t size_max;                /* of a text, with its NUL byte */
} HistoryField;

const HistoryField *history_number_field(HistoryNumber number);
const HistoryField *history_text_field(HistoryText text);

#define HISTORY_TEXTS_SIZE 10240
/* No single text is larger. */
#define HISTORY_TEXT_SIZE_MAX HISTORY_FACTS_SIZE

typedef struct HistoryHeader {
        uint32_t magic;
        uint16_t version;
        uint16_t type;
        uint32_t size_bytes;            /* of the whole record */
        uint32_t reserved;
} HistoryHeader;

typedef struct HistoryHello {
        char program_version[32];
        uint64_t last_serial;           /* HISTORY_HELLO_REPLY: the highest that is kept; 0: none */
} HistoryHello;

typedef struct HistoryRow {
        uint64_t serial;                /* goes up with every row, from run to run; never 0 */
        uint64_t query_id;              /* HISTORY_ROW: of the query; else 0 */
        uint32_t type;                  /* HistoryRowType */
        uint32_t known;                 /* bit for each number that has a value */
        uint64_t numbers[N_HISTORY_NUMBERS];    /* 0 where not known */
        char texts[HISTORY_TEXTS_SIZE]; /* N_HISTORY_TEXTS texts, each with its NUL byte, and nothing behind them */
} HistoryRow;

#define HISTORY_QUERY_ROWS_MAX 10000
#define HISTORY_FILESYSTEM_SIZE 1024

/* The words by which a question picks events: one is picked if any row that belongs to it has the word. */
typedef enum HistoryWord {
        HISTORY_WORD_KIND,
        HISTORY_WORD_STRUCTURE,
        HISTORY_WORD_RULE,
        HISTORY_WORD_RESULT,
} HistoryWord;
#define N_HISTORY_WORDS (HISTORY_WORD_RESULT + 1)
#define HISTORY_WORD_SIZE 64            /* with its NUL byte */

/* Where rows have it. */
HistoryText history_word_text(HistoryWord word);

typedef struct HistoryQuery {
        uint64_t query_id;
        uint64_t since_usec;            /* CLOCK_REALTIME */
        uint64_t until_usec;            /* not younger; 0: no such limit */
        uint64_t event_id;              /* what belongs to this event; 0: to any */
        uint64_t before_serial;         /* only rows before this one, as the next page has it; 0: all */
        uint64_t after_serial;          /* only rows behind this one; 0: all */
        uint32_t n_max;                 /* so many; 1 to HISTORY_QUERY_ROWS_MAX */
        uint32_t wants_facts;           /* 0: HISTORY_FACTS of the answers is empty */
        uint32_t wants_oldest;          /* 0: the newest so many; 1: the oldest, as one who goes through all of it wants
                                         * them */
        uint32_t reserved;
        char words[N_HISTORY_WORDS][HISTORY_WORD_SIZE]; /* "": any */
        char filesystem[HISTORY_FILESYSTEM_SIZE];       /* UUID, device or mount point; "": all */
} HistoryQuery;

typedef struct HistoryTaken {
        uint64_t serial;
} HistoryTaken;

typedef struct HistoryState {
        uint32_t place;                 /* HistoryPlace */
        int32_t error;                  /* positive errno: why memory */
        uint64_t n_lost;                /* rows that memory had no room for */
        uint64_t n_removed;             /* rows that went to make room for others, since the recorder's start */
} HistoryState;

typedef struct HistoryEnd {
        uint64_t query_id;
        uint32_t n_rows;
        int32_t error;                  /* positive errno; 0: these are all */
} HistoryEnd;

#define HISTORY_KEY_SIZE 256            /* with its NUL byte */
#define HISTORY_VALUE_MAX 4096
/* Keys that are kept; at most 68 MB in healerd and in a recorder that has only memory, some MB as values are. */
#define HISTORY_KEPT_MAX 16384

typedef struct HistoryEntry {
        uint64_t serial;                /* of the change, goes up with each in a run of healerd; HISTORY_KEPT: 0 */
        uint32_t key_size;              /* with its NUL byte */
        uint32_t value_size;            /* HISTORY_REMOVE: 0 */
        uint8_t bytes[HISTORY_KEY_SIZE + HISTORY_VALUE_MAX];    /* key, value, and nothing behind them */
} HistoryEntry;

typedef struct HistoryKeptEnd {
        uint32_t n_rows;
        uint32_t is_durable;            /* 0: in memory, it ends with the recorder */
        int32_t error;                  /* positive errno: not all could be read; 0: these are all */
        uint32_t reserved;
} HistoryKeptEnd;

typedef struct HistoryChanged {
        uint64_t serial;
        uint64_t n_refused;             /* keys for which there was no room, since the recorder's start */
} HistoryChanged;

typedef struct HistoryMessage {
        HistoryHeader header;
        union {
                HistoryHello hello;
                HistoryRow row;
                HistoryQuery query;
                HistoryTaken taken;
                HistoryState state;
                HistoryEnd end;
                HistoryEntry entry;
                HistoryKeptEnd kept_end;
                HistoryChanged changed;
        };
} HistoryMessage;

/* The values of a row before they are packed; texts NULL or "" are none. Borrowed. */
typedef struct HistoryValues {
        HistoryRowType type;
        uint32_t known;
        uint64_t numbers[N_HISTORY_NUMBERS];
        const char *texts[N_HISTORY_TEXTS];
} HistoryValues;

void history_values_set(HistoryValues *values, HistoryNumber number, uint64_t value);

/* Sets header and zeroes what a record of this type has; a row has no texts yet, an entry no key. */
void history_message_init(HistoryMessage *message, HistoryMessageType type);

/* Makes a HISTORY_RECORD or HISTORY_ROW; texts that are too long are cut. */
void history_message_set_row(HistoryMessage *message, HistoryMessageType type, uint64_t serial,
                             const HistoryValues *values);

/* Points into a row that was checked. */
void history_row_values(const HistoryRow *row, HistoryValues *ret_values);

/* Text of at most HISTORY_KEY_SIZE with its NUL byte, not empty, without control characters. */
bool history_key_is_valid(const char *key);

/* Makes a HISTORY_PUT, HISTORY_REMOVE or HISTORY_KEPT. @key is valid, @value of HISTORY_VALUE_MAX at most; NULL with
 * size 0. */
void history_message_set_entry(HistoryMessage *message, HistoryMessageType type, uint64_t serial, const char *key,
                               const void *value, size_t value_size);

/* Point into an entry that was checked. */
const char *history_entry_key(const HistoryEntry *entry);
const void *history_entry_value(const HistoryEntry *entry);

/**
 * history_message_check() - is this a well-formed record?
 * @size_bytes: as received
 *
 * Pure; fuzzed. Returns: 0; -EPROTONOSUPPORT for another version; -EBADMSG for anything else.
 */
int history_message_check(const HistoryMessage *message, size_t size_bytes);

/* One record, without waiting. 0; -EAGAIN if the peer does not read; -EPIPE if it is gone; or another negative
 * errno. */
int history_message_send(int socket_fd, const HistoryMessage *message);

/* 0; -EAGAIN if nothing is there; -ECONNRESET at the end; as history_message_check(); or another negative errno.
 * Descriptors that come along are closed, and the record is refused (-EBADMSG). */
int history_message_receive(int socket_fd, HistoryMessage *ret_message);
