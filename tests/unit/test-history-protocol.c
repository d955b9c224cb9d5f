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
                { "reserved", { .query_id = 1, .n_max = 1, .reserved = 1 }, -EBADMSG },
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
                cmocka_unit_test(test_line),
                cmocka_unit_test(test_descriptor),
        };

        return cmocka_run_group_tests_name("history-protocol", tests, NULL, NULL);
}
