/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records between healerd and healer-recorder: packed, unpacked, and everything that must not pass.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "tests/unit/history-rows.h"

static void test_row_round_trip(void **state) {
        HistoryValues values = history_test_values(17, 1000), read;
        HistoryMessage message;

        (void) state;
        history_message_set_row(&message, HISTORY_RECORD, 5, &values);
        assert_int_equal(history_message_check(&message, message.header.size_bytes), 0);
        assert_in_range(message.header.size_bytes, sizeof(HistoryHeader), 512);

        history_row_values(&message.row, &read);
        assert_int_equal(read.known, values.known);
        assert_memory_equal(read.numbers, values.numbers, sizeof(read.numbers));
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++)
                assert_string_equal(read.texts[i], values.texts[i] ? values.texts[i] : "");
}

static void test_long_texts_are_cut(void **state) {
        static char text[HISTORY_TEXTS_SIZE];
        HistoryValues values = history_test_values(17, 1000);
        HistoryMessage message;

        (void) state;
        memset(text, 'x', sizeof(text) - 1);
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++)
                values.texts[i] = text;
        history_message_set_row(&message, HISTORY_RECORD, 5, &values);
        assert_in_range(message.header.size_bytes, 1, sizeof(message));
        assert_int_equal(history_message_check(&message, message.header.size_bytes), 0);
        history_row_values(&message.row, &values);
        assert_int_equal(strlen(values.texts[HISTORY_KIND]), history_text_field(HISTORY_KIND)->size_max - 1);
}

static void test_table_is_whole(void **state) {
        size_t size_bytes = 0;

        (void) state;
        for (size_t i = 0; i < N_HISTORY_NUMBERS; i++)
                assert_non_null(history_number_field(i)->name);
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++) {
                assert_non_null(history_text_field(i)->name);
                size_bytes += history_text_field(i)->size_max;
        }
        assert_in_range(size_bytes, 1, HISTORY_TEXTS_SIZE);
}

typedef struct Wrong {
        const char *name;
        void (*spoil)(HistoryMessage *message, size_t *size_bytes);
        int result;
} Wrong;

static void spoil_magic(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->header.magic++;
}

static void spoil_version(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->header.version++;
}

static void spoil_type(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->header.type = 7;
}

static void spoil_short(HistoryMessage *message, size_t *size_bytes) {
        message->header.size_bytes = (uint32_t) --*size_bytes;
}

static void spoil_long(HistoryMessage *message, size_t *size_bytes) {
        ((char *) message)[*size_bytes] = 0;
        message->header.size_bytes = (uint32_t) ++*size_bytes;
}

static void spoil_size(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->header.size_bytes++;
}

static void spoil_serial(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.serial = 0;
}

static void spoil_row_type(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.type = N_HISTORY_ROW_TYPES;
}

static void spoil_known(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.known |= UINT32_C(1) << 31;
}

static void spoil_unknown_number(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.numbers[HISTORY_JOB_ID] = 1;
}

static void spoil_bool(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.numbers[HISTORY_IS_TEST] = 2;
}

static void spoil_word(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.numbers[HISTORY_GROUP] = UINT64_C(1) << 32;
}

static void spoil_query_id(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->row.query_id = 1;
}

static void spoil_end_of_text(HistoryMessage *message, size_t *size_bytes) {
        ((char *) message)[*size_bytes - 1] = 'x';
}

static void test_wrong_rows(void **state) {
        static const Wrong cases[] = {
                { "magic", spoil_magic, -EBADMSG },
                { "version", spoil_version, -EPROTONOSUPPORT },
                { "unknown type", spoil_type, -EBADMSG },
                { "short", spoil_short, -EBADMSG },
                { "long", spoil_long, -EBADMSG },
                { "another size", spoil_size, -EBADMSG },
                { "no serial", spoil_serial, -EBADMSG },
                { "row type", spoil_row_type, -EBADMSG },
                { "unknown bit", spoil_known, -EBADMSG },
                { "value of what is not known", spoil_unknown_number, -EBADMSG },
                { "neither true nor false", spoil_bool, -EBADMSG },
                { "too large for its type", spoil_word, -EBADMSG },
                { "record with a query", spoil_query_id, -EBADMSG },
                { "text without end", spoil_end_of_text, -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HistoryValues values = history_test_values(17, 1000);
                HistoryMessage message;
                size_t size_bytes;

                print_message("%s\n", cases[i].name);
                history_message_set_row(&message, HISTORY_RECORD, 5, &values);
                size_bytes = message.header.size_bytes;
                cases[i].spoil(&message, &size_bytes);
                assert_int_equal(history_message_check(&message, size_bytes), cases[i].result);
        }
}

static void test_queries(void **state) {
        static const struct {
                const char *name;
                HistoryQuery query;
                int result;
        } cases[] = {
                { "one", { .query_id = 1, .n_max = 1 }, 0 },
                { "most", { .query_id = 1, .n_max = HISTORY_QUERY_ROWS_MAX }, 0 },
                { "none", { .query_id = 1 }, -EBADMSG },
                { "too many", { .query_id = 1, .n_max = HISTORY_QUERY_ROWS_MAX + 1 }, -EBADMSG },
                { "no number", { .n_max = 1 }, -EBADMSG },
                { "of one event", { .query_id = 1, .n_max = 1, .event_id = UINT64_MAX }, 0 },
                { "with facts", { .query_id = 1, .n_max = 1, .wants_facts = 1 }, 0 },
                { "the oldest", { .query_id = 1, .n_max = 1, .wants_oldest = 1 }, 0 },
                { "neither the oldest nor the newest", { .query_id = 1, .n_max = 1, .wants_oldest = 2 }, -EBADMSG },
                { "what is not used", { .query_id = 1, .n_max = 1, .reserved = 1 }, -EBADMSG },
                { "by a rule", { .query_id = 1, .n_max = 1, .words = { [HISTORY_WORD_RULE] = "heal" } }, 0 },
                { "neither with nor without facts", { .query_id = 1, .n_max = 1, .wants_facts = 2 }, -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HistoryMessage message;

                print_message("%s\n", cases[i].name);
                history_message_init(&message, HISTORY_QUERY);
                message.query = cases[i].query;
                assert_int_equal(history_message_check(&message, message.header.size_bytes), cases[i].result);
        }
}

static void test_entry_round_trip(void **state) {
        static const HistoryMessageType types[] = { HISTORY_PUT, HISTORY_REMOVE, HISTORY_KEPT };
        static uint8_t value[HISTORY_VALUE_MAX];
        static char key[HISTORY_KEY_SIZE];

        (void) state;
        memset(key, 'k', sizeof(key) - 1);
        memset(value, 0, sizeof(value)); /* any bytes, these too */
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                for (size_t size = 0; size <= sizeof(value); size += sizeof(value)) {
                        size_t value_size = types[i] == HISTORY_REMOVE ? 0 : size;
                        HistoryMessage message;

                        history_message_set_entry(&message, types[i], types[i] == HISTORY_KEPT ? 0 : 7, key, value,
                                                  value_size);
                        assert_int_equal(history_message_check(&message, message.header.size_bytes), 0);
                        assert_string_equal(history_entry_key(&message.entry), key);
                        assert_int_equal(message.entry.value_size, value_size);
                        assert_memory_equal(history_entry_value(&message.entry), value, value_size);
                }
}

static void test_keys(void **state) {
        static char longest[HISTORY_KEY_SIZE], too_long[HISTORY_KEY_SIZE + 1];

        (void) state;
        memset(longest, 'k', sizeof(longest) - 1);
        memset(too_long, 'k', sizeof(too_long) - 1);
        assert_true(history_key_is_valid(longest));
        assert_true(history_key_is_valid("condition/a b/\xc3\xa4"));
        assert_false(history_key_is_valid(too_long));
        assert_false(history_key_is_valid(""));
        assert_false(history_key_is_valid("a\nb"));
        assert_false(history_key_is_valid("a\x7f"));
}

static void spoil_key_end(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.bytes[message->entry.key_size - 1] = 'x';
}

static void spoil_key_middle(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.bytes[1] = 0;
}

static void spoil_key_letter(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.bytes[1] = '\n';
}

static void spoil_no_key(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.value_size += message->entry.key_size - 1;
        message->entry.key_size = 1;
        message->entry.bytes[0] = 0;
}

static void spoil_key_size(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.key_size = UINT32_MAX;
        message->entry.value_size += (uint32_t) sizeof("key") + 1;
}

static void spoil_value_size(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.value_size++;
}

static void spoil_remove(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->header.type = HISTORY_REMOVE;
}

static void spoil_no_change(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->entry.serial = 0;
}

static void spoil_kept(HistoryMessage *message, size_t *size_bytes) {
        (void) size_bytes;
        message->header.type = HISTORY_KEPT;
}

static void test_wrong_entries(void **state) {
        static const Wrong cases[] = {
                { "version", spoil_version, -EPROTONOSUPPORT },
                { "short", spoil_short, -EBADMSG },
                { "long", spoil_long, -EBADMSG },
                { "key without end", spoil_key_end, -EBADMSG },
                { "key that ends in the middle", spoil_key_middle, -EBADMSG },
                { "key of more than one line", spoil_key_letter, -EBADMSG },
                { "no key", spoil_no_key, -EBADMSG },
                { "key larger than all of it", spoil_key_size, -EBADMSG },
                { "value larger than all of it", spoil_value_size, -EBADMSG },
                { "removal with a value", spoil_remove, -EBADMSG },
                { "change without a serial", spoil_no_change, -EBADMSG },
                { "what is kept with a serial", spoil_kept, -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HistoryMessage message;
                size_t size_bytes;

                print_message("%s\n", cases[i].name);
                history_message_set_entry(&message, HISTORY_PUT, 5, "key", "value", 5);
                size_bytes = message.header.size_bytes;
                assert_int_equal(history_message_check(&message, size_bytes), 0);
                cases[i].spoil(&message, &size_bytes);
                assert_int_equal(history_message_check(&message, size_bytes), cases[i].result);
        }
}

static void test_what_the_recorder_says(void **state) {
        static const struct {
                const char *name;
                HistoryKeptEnd end;
                int result;
        } cases[] = {
                { "all", { .n_rows = HISTORY_KEPT_MAX, .is_durable = 1 }, 0 },
                { "none, and why", { .error = EIO }, 0 },
                { "more than there can be", { .n_rows = HISTORY_KEPT_MAX + 1 }, -EBADMSG },
                { "neither durable nor not", { .is_durable = 2 }, -EBADMSG },
                { "negative errno", { .error = -EIO }, -EBADMSG },
                { "reserved", { .reserved = 1 }, -EBADMSG },
        };
        HistoryMessage message;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                history_message_init(&message, HISTORY_KEPT_END);
                message.kept_end = cases[i].end;
                assert_int_equal(history_message_check(&message, message.header.size_bytes), cases[i].result);
        }
        history_message_init(&message, HISTORY_CHANGED);
        assert_int_equal(history_message_check(&message, message.header.size_bytes), -EBADMSG);
        message.changed.serial = 1;
        assert_int_equal(history_message_check(&message, message.header.size_bytes), 0);
}

static void test_line(void **state) {
        HistoryValues values = history_test_values(17, 1000);
        HistoryMessage sent, received;
        int fds[2];

        (void) state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(history_message_receive(fds[1], &received), -EAGAIN);
        history_message_set_row(&sent, HISTORY_RECORD, 5, &values);
        assert_int_equal(history_message_send(fds[0], &sent), 0);
        assert_int_equal(history_message_receive(fds[1], &received), 0);
        assert_memory_equal(&sent, &received, sent.header.size_bytes);
        close(fds[0]);
        assert_int_equal(history_message_receive(fds[1], &received), -ECONNRESET);
        assert_int_equal(history_message_send(fds[1], &sent), -EPIPE);
        close(fds[1]);
}

/* A descriptor in a record is refused and does not stay open. */
static void test_descriptor(void **state) {
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        HistoryMessage message, received;
        struct iovec data = { .iov_base = &message };
        struct msghdr envelope = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
                                   .msg_controllen = sizeof(control) };
        int fds[2], before, after;

        (void) state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds), 0);
        history_message_init(&message, HISTORY_HELLO);
        data.iov_len = message.header.size_bytes;
        control.align = (struct cmsghdr) { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                                           .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(&control.align), fds, sizeof(int));
        assert_true(sendmsg(fds[0], &envelope, 0) > 0);
        before = dup(0);
        close(before);
        assert_int_equal(history_message_receive(fds[1], &received), -EBADMSG);
        after = dup(0);
        close(after);
        assert_int_equal(before, after);
        close(fds[0]);
        close(fds[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_row_round_trip),
                cmocka_unit_test(test_long_texts_are_cut),
                cmocka_unit_test(test_table_is_whole),
                cmocka_unit_test(test_wrong_rows),
                cmocka_unit_test(test_queries),
                cmocka_unit_test(test_entry_round_trip),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_wrong_entries),
                cmocka_unit_test(test_what_the_recorder_says),
                cmocka_unit_test(test_line),
                cmocka_unit_test(test_descriptor),
        };

        return cmocka_run_group_tests_name("history-protocol", tests, NULL, NULL);
}
