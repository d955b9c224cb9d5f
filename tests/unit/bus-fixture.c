/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-fixture.h.
 */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "tests/unit/bus-fixture.h"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static char error_name[256], error_text[16384];

static int on_get_user(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusFixture *fixture = userdata;

        if (fixture->caller_uid == UINT32_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER, "no such name");

        return sd_bus_reply_method_return(message, "u", fixture->caller_uid);
}

static int read_details(BusFixture *fixture, sd_bus_message *message) {
        const char *key, *value;
        int r;

        fixture->question_details[0] = '\0';
        assert(sd_bus_message_enter_container(message, 'a', "{ss}") > 0);
        while ((r = sd_bus_message_read(message, "{ss}", &key, &value)) > 0)
                assert(text_append_format(fixture->question_details, sizeof(fixture->question_details), "%s=%s\n", key,
                                          value) >= 0);
        assert(r == 0);
        return sd_bus_message_exit_container(message);
}

static int answer_question(BusFixture *fixture, sd_bus_message *message, sd_bus_error *error) {
        switch (fixture->polkit) {
        case FAKE_POLKIT_ALLOW:
                return sd_bus_reply_method_return(message, "(bba{ss})", 1, 0, 0);
        case FAKE_POLKIT_DENY:
                return sd_bus_reply_method_return(message, "(bba{ss})", 0, 0, 0);
        case FAKE_POLKIT_CHALLENGE:
                return sd_bus_reply_method_return(message, "(bba{ss})", 0, 1, 0);
        case FAKE_POLKIT_DISMISS:
                return sd_bus_reply_method_return(message, "(bba{ss})", 0, 0, 1, "polkit.dismissed", "true");
        case FAKE_POLKIT_SILENT:
                return 1;
        case FAKE_POLKIT_ABSENT:
                return sd_bus_error_set(error, SD_BUS_ERROR_SERVICE_UNKNOWN, "The name is not activatable");
        case FAKE_POLKIT_NONSENSE:
                return sd_bus_reply_method_return(message, "u", UINT32_C(7));
        }
        return -EINVAL;
}

static int on_check(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *kind, *key, *name, *action, *cancellation_id;
        BusFixture *fixture = userdata;

        assert(sd_bus_message_read(message, "(sa{sv})s", &kind, 1, &key, "s", &name, &action) >= 0);
        assert(text_equal(kind, "system-bus-name") && text_equal(key, "name"));
        assert(read_details(fixture, message) >= 0);
        assert(sd_bus_message_read(message, "us", &fixture->question_flags, &cancellation_id) >= 0);

        fixture->n_questions++;
        (void) text_copy(fixture->question_action, sizeof(fixture->question_action), action);
        (void) text_copy(fixture->question_subject, sizeof(fixture->question_subject), name);
        (void) text_copy(fixture->cancellation_id, sizeof(fixture->cancellation_id), cancellation_id);
        if (fixture->on_question)
                fixture->on_question(fixture);

        return answer_question(fixture, message, error);
}

static int on_cancel_check(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        BusFixture *fixture = userdata;
        const char *cancellation_id;

        assert(sd_bus_message_read(message, "s", &cancellation_id) >= 0);
        assert(text_equal(cancellation_id, fixture->cancellation_id));
        fixture->n_cancels++;
        return 1;
}

static const sd_bus_vtable bus_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetConnectionUnixUser", "s", "u", on_get_user, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static const sd_bus_vtable polkit_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", on_cancel_check, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int on_any(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        BusFixture *fixture = userdata;

        if (sd_bus_message_is_signal(message, NULL, NULL) > 0 && !fixture->is_deaf) {
                assert(fixture->n_signals < FIXTURE_SIGNALS_MAX);
                fixture->signals[fixture->n_signals++] = sd_bus_message_ref(message);
        }
        return 0;
}

static void start_pair(BusFixture *fixture) {
        sd_id128_t id;
        int fds[2];

        assert(sd_id128_randomize(&id) >= 0);
        assert(socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, fds) == 0);

        assert(sd_bus_new(&fixture->service) >= 0);
        assert(sd_bus_set_fd(fixture->service, fds[0], fds[0]) >= 0);
        assert(sd_bus_set_server(fixture->service, true, id) >= 0);
        assert(sd_bus_set_anonymous(fixture->service, true) >= 0);
        assert(sd_bus_negotiate_fds(fixture->service, true) >= 0);
        assert(sd_bus_start(fixture->service) >= 0);

        assert(sd_bus_new(&fixture->client) >= 0);
        assert(sd_bus_set_fd(fixture->client, fds[1], fds[1]) >= 0);
        assert(sd_bus_set_anonymous(fixture->client, true) >= 0);
        assert(sd_bus_negotiate_fds(fixture->client, true) >= 0);
        assert(sd_bus_set_sender(fixture->client, CLIENT_NAME) >= 0);
        assert(sd_bus_add_object_vtable(fixture->client, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        bus_vtable, fixture) >= 0);
        assert(sd_bus_add_object_vtable(fixture->client, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                        "org.freedesktop.PolicyKit1.Authority", polkit_vtable, fixture) >= 0);
        assert(sd_bus_add_filter(fixture->client, NULL, on_any, fixture) >= 0);
        assert(sd_bus_start(fixture->client) >= 0);
        assert(sd_bus_attach_event(fixture->client, fixture->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
}

void bus_fixture_init(BusFixture *fixture, const BusServerOptions *options) {
        BusServerOptions defaults = { .change_interval_usec = 1, .job_keep_usec = USEC_PER_HOUR };

        *fixture = (BusFixture) { .caller_uid = 1000 };
        assert(sd_event_new(&fixture->event) >= 0);
        fixture->engine = fake_engine_new(fixture->event);
        start_pair(fixture);
        assert(bus_server_new_attached(fixture->event, fixture->engine, options ? options : &defaults, fixture->service,
                                       &fixture->server) >= 0);
}

void bus_fixture_done(BusFixture *fixture) {
        bus_fixture_forget_signals(fixture);
        fake_engine_free(fixture->engine);
        bus_server_free(fixture->server);
        (void) sd_bus_detach_event(fixture->client);
        sd_bus_close_unref(fixture->client);
        sd_bus_close_unref(fixture->service);
        sd_event_unref(fixture->event);
}

void bus_fixture_wait(BusFixture *fixture, bool (*is_so)(BusFixture *fixture, void *userdata), void *userdata) {
        uint64_t until_usec = clock_monotonic_usec() + FIXTURE_WAIT_USEC;

        while (!is_so(fixture, userdata)) {
                assert(clock_monotonic_usec() < until_usec);
                assert(sd_event_run(fixture->event, USEC_PER_SEC) >= 0);
        }
}

void bus_fixture_settle(BusFixture *fixture) {
        /* A sign of life from the other end means that everything sent before was handled. */
        assert(bus_fixture_call(fixture, false, "/org/xfs/Healer", "org.freedesktop.DBus.Peer", "Ping", NULL, "") ==
               NULL);
        while (sd_event_run(fixture->event, 0) > 0)
                ;
}

typedef struct Waiting {
        sd_bus_message *reply;
        bool is_done;
} Waiting;

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        Waiting *waiting = userdata;

        waiting->reply = sd_bus_message_ref(reply);
        waiting->is_done = true;
        return 0;
}

static bool is_done(BusFixture *fixture _unused_, void *userdata) {
        return ((Waiting *) userdata)->is_done;
}

static const char *call_and_wait(BusFixture *fixture, sd_bus_message *call, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        Waiting waiting = {};

        assert(sd_bus_call_async(fixture->client, NULL, call, on_reply, &waiting, FIXTURE_WAIT_USEC) >= 0);
        bus_fixture_wait(fixture, is_done, &waiting);

        reply = waiting.reply;
        error_name[0] = error_text[0] = '\0';
        if (sd_bus_message_is_method_error(reply, NULL)) {
                const sd_bus_error *error = sd_bus_message_get_error(reply);

                (void) text_copy(error_name, sizeof(error_name), error->name);
                (void) text_copy(error_text, sizeof(error_text), error->message ? error->message : "");
                return error_name;
        }
        if (ret_reply)
                *ret_reply = steal_ptr(reply);
        return NULL;
}

const char *bus_fixture_call(BusFixture *fixture, bool is_interactive, const char *path, const char *interface,
                             const char *member, sd_bus_message **ret_reply, const char *types, ...) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        va_list arguments;

        assert(sd_bus_message_new_method_call(fixture->client, &call, "org.xfs.Healer", path, interface, member) >= 0);
        assert(sd_bus_message_set_allow_interactive_authorization(call, is_interactive) >= 0);
        va_start(arguments, types);
        assert(sd_bus_message_appendv(call, types, arguments) >= 0);
        va_end(arguments);

        return call_and_wait(fixture, call, ret_reply);
}

const char *bus_fixture_call_copy(BusFixture *fixture, const char *path, const char *interface, const char *member,
                                  sd_bus_message *arguments, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;

        assert(sd_bus_message_seal(arguments, 1, 0) >= 0);
        assert(sd_bus_message_rewind(arguments, true) >= 0);
        assert(sd_bus_message_new_method_call(fixture->client, &call, "org.xfs.Healer", path, interface, member) >= 0);
        assert(sd_bus_message_set_allow_interactive_authorization(call, true) >= 0);
        assert(sd_bus_message_copy(call, arguments, true) >= 0);

        return call_and_wait(fixture, call, ret_reply);
}

const char *bus_fixture_error_text(void) {
        return error_text;
}

static int on_counted_reply(sd_bus_message *reply _unused_, void *userdata, sd_bus_error *error _unused_) {
        (*(unsigned *) userdata)++;
        return 0;
}

void bus_fixture_call_async(BusFixture *fixture, const char *sender, const char *path, const char *interface,
                            const char *member, unsigned *replied, const char *types, ...) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        va_list arguments;

        assert(sd_bus_message_new_method_call(fixture->client, &call, "org.xfs.Healer", path, interface, member) >= 0);
        assert(sd_bus_message_set_sender(call, sender) >= 0);
        va_start(arguments, types);
        assert(sd_bus_message_appendv(call, types, arguments) >= 0);
        va_end(arguments);
        assert(sd_bus_call_async(fixture->client, NULL, call, on_counted_reply, replied, FIXTURE_WAIT_USEC) >= 0);
}

sd_bus_message *bus_fixture_signal(BusFixture *fixture, const char *interface, const char *member) {
        for (size_t i = fixture->n_signals; i > 0; i--)
                if (sd_bus_message_is_signal(fixture->signals[i - 1], interface, member) > 0) {
                        assert(sd_bus_message_rewind(fixture->signals[i - 1], true) >= 0);
                        return fixture->signals[i - 1];
                }

        return NULL;
}

unsigned bus_fixture_count_signals(BusFixture *fixture, const char *interface, const char *member) {
        unsigned n = 0;

        for (size_t i = 0; i < fixture->n_signals; i++)
                n += sd_bus_message_is_signal(fixture->signals[i], interface, member) > 0;
        return n;
}

typedef struct Wanted {
        const char *interface, *member;
        unsigned n;
} Wanted;

static bool has_signals(BusFixture *fixture, void *userdata) {
        const Wanted *wanted = userdata;

        return bus_fixture_count_signals(fixture, wanted->interface, wanted->member) > wanted->n;
}

void bus_fixture_wait_signals(BusFixture *fixture, const char *interface, const char *member, unsigned n) {
        bus_fixture_wait(fixture, has_signals, &(Wanted) { interface, member, n });
}

void bus_fixture_forget_signals(BusFixture *fixture) {
        for (size_t i = 0; i < fixture->n_signals; i++)
                sd_bus_message_unref(fixture->signals[i]);
        fixture->n_signals = 0;
}

char *bus_message_text(sd_bus_message *message) {
        size_t size;
        char *text;
        FILE *stream = open_memstream(&text, &size);

        assert(stream);
        assert(sd_bus_message_rewind(message, true) >= 0);
        assert(sd_bus_message_dump(message, stream, SD_BUS_MESSAGE_DUMP_WITH_HEADER) >= 0);
        assert(fclose(stream) == 0);
        assert(sd_bus_message_rewind(message, true) >= 0);
        return text;
}

bool bus_fixture_signals_contain(BusFixture *fixture, const char *text) {
        for (size_t i = 0; i < fixture->n_signals; i++) {
                _cleanup_(free_at) char *dump = bus_message_text(fixture->signals[i]);

                if (strstr(dump, text))
                        return true;
        }

        return false;
}

static char *value_text(sd_bus_message *message, const char *type) {
        union {
                const char *s;
                uint64_t t;
                uint32_t u;
                int32_t i;
                int b;
                double d;
        } value = {};
        char *text = NULL;

        assert(sd_bus_message_read_basic(message, type[0], &value) > 0);
        switch (type[0]) {
        case 's':
        case 'o':
                return strdup(value.s);
        case 't':
                assert(asprintf(&text, "%" PRIu64, value.t) >= 0);
                return text;
        case 'u':
                assert(asprintf(&text, "%" PRIu32, value.u) >= 0);
                return text;
        case 'i':
                assert(asprintf(&text, "%" PRIi32, value.i) >= 0);
                return text;
        case 'd':
                assert(asprintf(&text, "%g", value.d) >= 0);
                return text;
        case 'b':
                return strdup(value.b ? "true" : "false");
        default:
                assert(false);
        }
        return NULL;
}

char *bus_fixture_property(BusFixture *fixture, const char *path, const char *interface, const char *property) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *type;

        assert(bus_fixture_call(fixture, false, path, "org.freedesktop.DBus.Properties", "Get", &reply, "ss", interface,
                                property) == NULL);
        assert(sd_bus_message_peek_type(reply, NULL, &type) > 0);
        if (strlen(type) > 1)
                return bus_message_text(reply);
        assert(sd_bus_message_enter_container(reply, 'v', type) > 0);
        return value_text(reply, type);
}

static bool is_one_of(const char *const *words, const char *word) {
        for (; *words; words++)
                if (text_equal(*words, word))
                        return true;
        return false;
}

static bool property_was_told(BusFixture *fixture, const char *path, const char *property) {
        char quoted[128];

        (void) snprintf(quoted, sizeof(quoted), "STRING \"%s\"", property);
        for (size_t i = 0; i < fixture->n_signals; i++) {
                _cleanup_(free_at) char *text = NULL;

                if (sd_bus_message_is_signal(fixture->signals[i], "org.freedesktop.DBus.Properties",
                                             "PropertiesChanged") <= 0 ||
                    !text_equal(sd_bus_message_get_path(fixture->signals[i]), path))
                        continue;
                text = bus_message_text(fixture->signals[i]);
                if (strstr(text, quoted))
                        return true;
        }

        return false;
}

void bus_fixture_assert_changed(BusFixture *fixture, const char *path, const char *interface,
                                const char *const *constants) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *property;
        unsigned n = 0;

        assert(bus_fixture_call(fixture, false, path, "org.freedesktop.DBus.Properties", "GetAll", &reply, "s",
                                interface) == NULL);
        assert(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                assert(sd_bus_message_read_basic(reply, 's', &property) > 0);
                if (is_one_of(constants, property) == property_was_told(fixture, path, property)) {
                        fprintf(stderr, "%s: %s\n", property, is_one_of(constants, property) ? "told, and cannot change"
                                                                                             : "not told");
                        abort();
                }
                assert(sd_bus_message_skip(reply, "v") >= 0);
                assert(sd_bus_message_exit_container(reply) >= 0);
                n++;
        }
        assert(n > 0);
}

void bus_fixture_caller_leaves(BusFixture *fixture, const char *name) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;

        assert(sd_bus_message_new_signal(fixture->client, &signal, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                         "NameOwnerChanged") >= 0);
        assert(sd_bus_message_set_sender(signal, "org.freedesktop.DBus") >= 0);
        assert(sd_bus_message_append(signal, "sss", name, name, "") >= 0);
        assert(sd_bus_send(fixture->client, signal, NULL) >= 0);
}
