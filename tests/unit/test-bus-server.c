/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server on a real bus: a dbus-daemon of our own in a folder of its own, which comes late, goes away and comes
 * back. Skipped where there is no dbus-daemon.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-server.h"
#include "tests/unit/fake-engine.h"

#define SKIPPED 77
#define WAIT_USEC (120 * USEC_PER_SEC)
#define DAEMON "dbus-daemon"

#define FS_PATH "/org/xfs/Healer/fs/dev_8_1"
#define FS_PATH_2 "/org/xfs/Healer/fs/dev_8_2"

static const FakeFilesystem srv = { .device = "/dev/sda1", .mount_point = "/srv", .device_number = 0x801 };
static const FakeFilesystem home = { .device = "/dev/sda2", .mount_point = "/home", .device_number = 0x802 };

typedef struct RealBus {
        char folder[64], address[128], socket[96], config[96];
        pid_t daemon_pid;
        sd_event *event;
        Engine *engine;
        BusServer *server;
        unsigned n_ready, n_lost;
} RealBus;

static void on_ready(void *userdata, bool is_ready) {
        RealBus *real = userdata;

        if (is_ready)
                real->n_ready++;
        else
                real->n_lost++;
}

static void daemon_start(RealBus *real) {
        real->daemon_pid = fork();
        assert_true(real->daemon_pid >= 0);
        if (real->daemon_pid == 0) {
                char option[128];

                /* A test that fails leaves no bus behind. */
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) snprintf(option, sizeof(option), "--config-file=%s", real->config);
                execlp(DAEMON, DAEMON, option, "--nofork", "--nopidfile", (char *) NULL);
                _exit(127);
        }
}

static void daemon_stop(RealBus *real) {
        if (real->daemon_pid <= 0)
                return;

        assert_int_equal(kill(real->daemon_pid, SIGKILL), 0);
        assert_int_equal(waitpid(real->daemon_pid, NULL, 0), real->daemon_pid);
        real->daemon_pid = 0;
        (void) unlink(real->socket);
}

static void real_bus_init(RealBus *real) {
        const BusServerOptions options = {
                .address = real->address, .ready = on_ready, .userdata = real,
                .change_interval_usec = 1, .reconnect_min_usec = 1000,
        };
        char config[512];

        *real = (RealBus) { .folder = "/tmp/test-bus-server-XXXXXX" };
        assert_non_null(mkdtemp(real->folder));
        (void) snprintf(real->socket, sizeof(real->socket), "%s/bus", real->folder);
        (void) snprintf(real->address, sizeof(real->address), "unix:path=%s", real->socket);
        (void) snprintf(real->config, sizeof(real->config), "%s/config", real->folder);
        (void) snprintf(config, sizeof(config),
                        "<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>"
                        "<policy context=\"default\"><allow send_destination=\"*\"/><allow own=\"*\"/>"
                        "<allow eavesdrop=\"false\"/></policy></busconfig>\n", real->address);
        assert_true(file_write_atomic(real->config, config, strlen(config), 0600) >= 0);

        assert_true(sd_event_new(&real->event) >= 0);
        real->engine = fake_engine_new(real->event);
        fake_engine_add_filesystem(real->engine, &srv);
        assert_true(bus_server_new(real->event, real->engine, &options, &real->server) >= 0);
}

static void real_bus_done(RealBus *real) {
        fake_engine_free(real->engine);
        bus_server_free(real->server);
        sd_event_unref(real->event);
        daemon_stop(real);
        (void) unlink(real->config);
        (void) rmdir(real->folder);
}

static void wait_for(RealBus *real, const unsigned *counter, unsigned n) {
        uint64_t until_usec = clock_monotonic_usec() + WAIT_USEC;

        while (*counter < n) {
                assert_true(clock_monotonic_usec() < until_usec);
                assert_true(sd_event_run(real->event, USEC_PER_SEC) >= 0);
        }
}

static sd_bus *client_new(RealBus *real) {
        sd_bus *client;

        assert_true(sd_bus_new(&client) >= 0);
        assert_true(sd_bus_set_address(client, real->address) >= 0);
        assert_true(sd_bus_set_bus_client(client, true) >= 0);
        assert_true(sd_bus_start(client) >= 0);
        assert_true(sd_bus_attach_event(client, real->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        return client;
}

static void client_free(sd_bus *client) {
        (void) sd_bus_detach_event(client);
        sd_bus_close_unref(client);
}

typedef struct Reply {
        unsigned n;
        char text[65536], error[256];
} Reply;

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        Reply *reply = userdata;
        FILE *stream = fmemopen(reply->text, sizeof(reply->text), "w");

        assert_non_null(stream);
        assert_true(sd_bus_message_dump(message, stream, 0) >= 0);
        assert_int_equal(fclose(stream), 0);
        if (sd_bus_message_is_method_error(message, NULL))
                (void) text_copy(reply->error, sizeof(reply->error), sd_bus_message_get_error(message)->name);
        reply->n++;
        return 0;
}

static void call(RealBus *real, sd_bus *client, const char *path, const char *interface, const char *member,
                 Reply *ret_reply, const char *types, ...) {
        va_list arguments;

        *ret_reply = (Reply) {};
        va_start(arguments, types);
        assert_true(sd_bus_call_method_asyncv(client, NULL, BUS_NAME, path, interface, member, on_reply, ret_reply,
                                              types, arguments) >= 0);
        va_end(arguments);
        wait_for(real, &ret_reply->n, 1);
}

static void assert_published(RealBus *real, const char *path) {
        sd_bus *client = client_new(real);
        Reply reply;

        call(real, client, BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &reply, "");
        assert_string_equal(reply.error, "");
        assert_non_null(strstr(reply.text, path));
        client_free(client);
}

static void test_bus_comes_late_and_comes_back(void **state _unused_) {
        RealBus real;

        real_bus_init(&real);
        print_message("no bus yet\n");
        assert_false(bus_server_is_ready(real.server));

        print_message("the bus comes\n");
        daemon_start(&real);
        wait_for(&real, &real.n_ready, 1);
        assert_true(bus_server_is_ready(real.server));
        assert_published(&real, FS_PATH);

        for (unsigned i = 1; i <= 3; i++) {
                print_message("it goes\n");
                daemon_stop(&real);
                wait_for(&real, &real.n_lost, i);
                assert_false(bus_server_is_ready(real.server));
                if (i == 1)
                        fake_engine_add_filesystem(real.engine, &home);

                print_message("it comes back\n");
                daemon_start(&real);
                wait_for(&real, &real.n_ready, i + 1);
                assert_published(&real, FS_PATH);
                assert_published(&real, FS_PATH_2);
        }
        real_bus_done(&real);
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded") > 0)
                (*(unsigned *) userdata)++;
        return 0;
}

/* A bus that takes the connection and then says nothing holds up nobody. */
static void test_bus_hangs(void **state _unused_) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fd_at) int listener = -EBADF;
        RealBus real;

        real_bus_init(&real);
        (void) text_copy(address.sun_path, sizeof(address.sun_path), real.socket);
        listener = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);
        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 16), 0);

        /* The server's next try ends up here. */
        assert_int_equal(poll(&(struct pollfd) { .fd = listener, .events = POLLIN }, 1, 0), 0);
        while (poll(&(struct pollfd) { .fd = listener, .events = POLLIN }, 1, 0) == 0)
                assert_true(sd_event_run(real.event, 10 * USEC_PER_MSEC) >= 0);
        for (unsigned i = 0; i < 100; i++) {
                fake_engine_tell_worker(real.engine, i % 2);
                assert_true(sd_event_run(real.event, 0) >= 0);
        }
        assert_false(bus_server_is_ready(real.server));
        assert_int_equal(real.n_ready, 0);
        (void) unlink(real.socket);
        real_bus_done(&real);
}

/* Somebody who only listens hears again what there is. */
static void test_name_is_taken_and_given_back(void **state _unused_) {
        sd_bus *other, *listener;
        unsigned n_added = 0;
        Reply reply = {};
        RealBus real;

        real_bus_init(&real);
        daemon_start(&real);
        wait_for(&real, &real.n_ready, 1);
        listener = client_new(&real);
        assert_true(sd_bus_match_signal_async(listener, NULL, NULL, BUS_PATH, NULL, NULL, on_signal, NULL,
                                              &n_added) >= 0);
        call(&real, listener, BUS_PATH, "org.freedesktop.DBus.Peer", "Ping", &reply, "");

        print_message("taken\n");
        other = client_new(&real);
        reply = (Reply) {};
        assert_true(sd_bus_request_name_async(other, NULL, BUS_NAME,
                                              SD_BUS_NAME_REPLACE_EXISTING | SD_BUS_NAME_ALLOW_REPLACEMENT,
                                              on_reply, &reply) >= 0);
        wait_for(&real, &reply.n, 1);
        wait_for(&real, &real.n_lost, 1);
        assert_false(bus_server_is_ready(real.server));

        print_message("given back\n");
        client_free(other);
        wait_for(&real, &real.n_ready, 2);
        wait_for(&real, &n_added, 1);
        assert_published(&real, FS_PATH);
        client_free(listener);
        real_bus_done(&real);
}

/* A real caller: root may, everybody else would have to ask a polkit that is not there. */
static void test_real_caller(void **state _unused_) {
        RealBus real;
        Reply reply;
        sd_bus *client;

        real_bus_init(&real);
        daemon_start(&real);
        wait_for(&real, &real.n_ready, 1);
        client = client_new(&real);
        call(&real, client, BUS_PATH, BUS_INTERFACE_MANAGER, "GetFilesystem", &reply, "s", "/srv");
        assert_string_equal(reply.error, "");
        assert_non_null(strstr(reply.text, FS_PATH));

        call(&real, client, BUS_PATH, BUS_INTERFACE_MANAGER, "ReloadPolicy", &reply, "");
        if (getuid() == 0) {
                assert_string_equal(reply.error, "");
                assert_int_equal(fake_engine(real.engine)->n_reloads, 1);
        } else {
                assert_string_equal(reply.error, BUS_ERROR_NO_POLKIT);
                assert_int_equal(fake_engine(real.engine)->n_reloads, 0);
        }
        client_free(client);
        real_bus_done(&real);
}

static bool have_daemon(void) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                if (!freopen("/dev/null", "w", stdout))
                        _exit(127);
                execlp(DAEMON, DAEMON, "--version", (char *) NULL);
                _exit(127);
        }

        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bus_comes_late_and_comes_back),
                cmocka_unit_test(test_bus_hangs),
                cmocka_unit_test(test_name_is_taken_and_given_back),
                cmocka_unit_test(test_real_caller),
        };

        if (!have_daemon()) {
                print_message("skipped: there is no " DAEMON " here\n");
                return SKIPPED;
        }

        return cmocka_run_group_tests(tests, NULL, NULL);
}
