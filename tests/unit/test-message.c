/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What units are told is JSON whatever names files have, says the same under the same key, and has a limit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/message/message.h"

static char *mounts[] = { (char *) "/srv", NULL };
static char type[] = "xfs", device[] = "/dev/sdb1", label[] = "data";
static const FilesystemFacts facts = {
        .type = type,
        .device = device,
        .device_number = 0x811,
        .uuid_state = FACT_KNOWN,
        .uuid = { 0x3f },
        .label_state = FACT_KNOWN,
        .label = label,
        .mounts = mounts,
        .n_mounts = 1,
};
static const HealthEvent lost = {
        .id = 7,
        .kind = EVENT_DATA_LOST,
        .domain = DOMAIN_FILERANGE,
        .inode = 131,
        .generation = 5,
        .position_bytes = 4096,
        .length_bytes = 512,
        .error = EIO,
        .count = 2,
        .time_realtime_nsec = UINT64_C(1767225600000000000),
};

static json_t *parse(const char *text) {
        json_error_t error;
        json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

        if (!object)
                fail_msg("%s: %s", error.text, text);
        return object;
}

static const char *text_at(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key)) ?: "(none)";
}

static json_int_t number_at(const json_t *object, const char *key) {
        return json_integer_value(json_object_get(object, key));
}

static void test_event(_unused_ void **state) {
        _cleanup_(free_at) char *text = NULL;
        json_t *object, *filesystem;

        assert_int_equal(message_event(&lost, SEVERITY_CRITICAL, &facts, "/srv/a b", "restore", &text), 0);
        object = parse(text);
        assert_int_equal(number_at(object, "id"), 7);
        assert_string_equal(text_at(object, "kind"), "data-lost");
        assert_string_equal(text_at(object, "severity"), "critical");
        assert_string_equal(text_at(object, "domain"), "filerange");
        assert_string_equal(text_at(object, "errno"), "EIO");
        assert_string_equal(text_at(object, "path"), "/srv/a b");
        assert_string_equal(text_at(object, "rule"), "restore");
        assert_string_equal(text_at(object, "text"), "/srv/a b pos 4096 len 512: media failed (2 reports)");
        assert_int_equal(number_at(object, "inode"), 131);
        assert_int_equal(number_at(object, "length"), 512);
        assert_int_equal(number_at(object, "time_usec"), 1767225600000000);
        assert_null(json_object_get(object, "structure"));
        assert_null(json_object_get(object, "repeated"));
        filesystem = json_object_get(object, "filesystem");
        assert_string_equal(text_at(filesystem, "uuid"), "3f000000-0000-0000-0000-000000000000");
        assert_string_equal(text_at(filesystem, "mount"), "/srv");
        assert_string_equal(text_at(filesystem, "device"), "/dev/sdb1");
        assert_string_equal(text_at(filesystem, "label"), "data");
        json_decref(object);
}

/* A name can hold every byte but two, and be as long as a path can be. */
static void test_names(_unused_ void **state) {
        static const char *const names[] = { "/srv/\"quotes\\", "/srv/not\377utf8\n\x01", "/srv/caf\xc3\xa9" };
        static const char *const expected[] = {
                "/srv/\"quotes\\x5c", "/srv/not\\xffutf8\\x0a\\x01", "/srv/caf\xc3\xa9",
        };
        _cleanup_(free_at) char *text = NULL;
        char longest[4096];
        json_t *object;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(message_event(&lost, SEVERITY_CRITICAL, &facts, names[i], "", &text), 0);
                object = parse(text);
                assert_string_equal(text_at(object, "path"), expected[i]);
                json_decref(object);
                free(text);
                text = NULL;
        }

        memset(longest, '\x01', sizeof(longest));
        memcpy(longest, "/srv/", 5);
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(message_event(&lost, SEVERITY_CRITICAL, &facts, longest, "", &text), 0);
        assert_true(strlen(text) <= MESSAGE_OBJECT_MAX);
        object = parse(text);
        assert_true(strlen(text_at(object, "path")) > 200);
        assert_string_equal(text_at(object, "path") + strlen(text_at(object, "path")) - 3, "...");
        json_decref(object);
}

static void test_without_filesystem(_unused_ void **state) {
        const HealthEvent event = {
                .kind = EVENT_SHUTDOWN,
                .domain = DOMAIN_MOUNT,
                .shutdown_reasons = SHUTDOWN_LOG_IO_ERROR | UINT32_C(1) << 31,
                .count = 1,
                .is_repeated = true,
        };
        _cleanup_(free_at) char *text = NULL;
        json_t *object, *reasons;

        assert_int_equal(message_event(&event, SEVERITY_ERROR, NULL, NULL, "", &text), 0);
        object = parse(text);
        assert_null(json_object_get(object, "filesystem"));
        assert_null(json_object_get(object, "path"));
        assert_null(json_object_get(object, "rule"));
        assert_true(json_is_true(json_object_get(object, "repeated")));
        reasons = json_object_get(object, "shutdown_reasons");
        assert_int_equal(json_array_size(reasons), 2);
        assert_string_equal(json_string_value(json_array_get(reasons, 0)), "log-io-error");
        assert_string_equal(json_string_value(json_array_get(reasons, 1)), "unrecognised");
        json_decref(object);
}

static void test_lists(_unused_ void **state) {
        MessageList list = {};
        PathList paths = {};

        assert_int_equal(message_list_add(&list, "{}", 100, 2), 1);
        assert_int_equal(message_list_add(&list, "{\"a\":1}", 100, 2), 1);
        assert_int_equal(message_list_add(&list, "{}", 100, 2), 0);
        assert_string_equal(list.text, "{},{\"a\":1}");
        assert_int_equal(list.n_omitted, 1);
        assert_int_equal(message_list_add(&list, "{}", 12, 9), 0);
        assert_int_equal(message_list_add(&list, "{}", 14, 9), 1);
        assert_int_equal(list.n, 3);
        message_list_clear(&list);

        assert_int_equal(path_list_add(&paths, "/a", 8), 1);
        assert_int_equal(path_list_add(&paths, "/b", 8), 1);
        assert_int_equal(path_list_add(&paths, "/a", 8), 0);
        assert_int_equal(paths.n_omitted, 0);
        assert_int_equal(path_list_add(&paths, "/cc", 8), 0);
        assert_int_equal(paths.n_omitted, 1);
        assert_int_equal(path_list_add(&paths, "/", 8), 1);
        assert_int_equal(paths.length, 8);
        assert_memory_equal(paths.bytes, "/a\0/b\0/", 8);
        path_list_clear(&paths);
}

static void test_message(_unused_ void **state) {
        MessageList events = { .n_omitted = 3 }, conditions = {};
        PathList paths = { .n_omitted = 2 };
        const MessageCondition condition = {
                .code = "data-lost",
                .state = "open",
                .severity = SEVERITY_CRITICAL,
                .message = "contents of a file are lost",
                .since_usec = 5,
        };
        const Message message = {
                .type = "notification",
                .id = 17,
                .unit = "healer-page@17.service",
                .route = "page",
                .status = "open",
                .severity = SEVERITY_CRITICAL,
                .time_usec = UINT64_C(1767225600000000),
                .count = 5,
                .events = &events,
                .conditions = &conditions,
                .paths = &paths,
        };
        _cleanup_(free_at) char *event = NULL, *raised = NULL, *text = NULL;
        json_t *object;

        assert_int_equal(message_event(&lost, SEVERITY_CRITICAL, &facts, NULL, "", &event), 0);
        assert_int_equal(message_condition(&condition, &facts, &raised), 0);
        assert_int_equal(message_list_add(&events, event, SIZE_MAX, 9), 1);
        assert_int_equal(message_list_add(&events, event, SIZE_MAX, 9), 1);
        assert_int_equal(message_list_add(&conditions, raised, SIZE_MAX, 9), 1);
        assert_int_equal(path_list_add(&paths, "/srv/a", SIZE_MAX), 1);
        assert_int_equal(message_text(&message, &text), 0);

        object = parse(text);
        assert_int_equal(number_at(object, "schema"), MESSAGE_SCHEMA);
        assert_int_equal(number_at(object, "id"), 17);
        assert_string_equal(text_at(object, "route"), "page");
        assert_string_equal(text_at(object, "severity"), "critical");
        assert_string_equal(text_at(object, "time"), "2026-01-01T00:00:00Z");
        assert_int_equal(number_at(object, "count"), 5);
        assert_int_equal(number_at(object, "omitted"), 3);
        assert_int_equal(number_at(object, "paths"), 1);
        assert_int_equal(number_at(object, "paths_omitted"), 2);
        assert_int_equal(json_array_size(json_object_get(object, "events")), 2);
        assert_string_equal(text_at(json_array_get(json_object_get(object, "conditions"), 0), "code"), "data-lost");
        assert_null(json_object_get(object, "rule"));
        json_decref(object);
        message_list_clear(&events);
        message_list_clear(&conditions);
        path_list_clear(&paths);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_event),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_without_filesystem),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_message),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
