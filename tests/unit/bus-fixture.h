/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One server and one client on the two ends of a socketpair, without a bus: the client's end also plays the bus
 * (who is the caller) and polkit.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "src/bus/bus-server.h"
#include "tests/unit/fake-engine.h"

#define FIXTURE_SIGNALS_MAX 256
/* Nothing here takes longer unless something is broken. */
#define FIXTURE_WAIT_USEC (120 * USEC_PER_SEC)

#define CLIENT_NAME ":1.7"

typedef enum FakePolkit {
        FAKE_POLKIT_ALLOW,
        FAKE_POLKIT_DENY,
        FAKE_POLKIT_CHALLENGE,
        FAKE_POLKIT_DISMISS,
        FAKE_POLKIT_SILENT,             /* keeps the question and does not answer */
        FAKE_POLKIT_ABSENT,             /* the bus says that there is none */
        FAKE_POLKIT_NONSENSE,           /* answers with other types */
} FakePolkit;

typedef struct BusFixture {
        sd_event *event;
        Engine *engine;
        BusServer *server;
        sd_bus *service, *client;

        FakePolkit polkit;
        uint32_t caller_uid;
        unsigned n_questions, n_cancels;
        char question_action[128], question_subject[64], question_details[4096], cancellation_id[64];
        uint32_t question_flags;
        void (*on_question)(struct BusFixture *fixture);        /* before it is answered; what changes meanwhile */

        bool is_deaf;                   /* signals are read and not kept */
        sd_bus_message *signals[FIXTURE_SIGNALS_MAX];
        size_t n_signals;
} BusFixture;

/* @options may be NULL; the intervals are shortened in any case. */
void bus_fixture_init(BusFixture *fixture, const BusServerOptions *options);
void bus_fixture_done(BusFixture *fixture);

/* Runs the loop until @is_so says true; fails the test after FIXTURE_WAIT_USEC. */
void bus_fixture_wait(BusFixture *fixture, bool (*is_so)(BusFixture *fixture, void *userdata), void *userdata);
/* Runs the loop until everything that is there was handled. */
void bus_fixture_settle(BusFixture *fixture);

/**
 * bus_fixture_call() - call a method and wait for the answer
 * @is_interactive: the flag in the message
 * @ret_reply:      new; NULL: not wanted
 * @types, ...:     as sd_bus_message_append()
 *
 * Returns: NULL, or the name of the error (borrowed from the fixture until the next call).
 */
const char *bus_fixture_call(BusFixture *fixture, bool is_interactive, const char *path, const char *interface,
                             const char *member, sd_bus_message **ret_reply, const char *types, ...);
/* The same with the contents of another message, and interactive. */
const char *bus_fixture_call_copy(BusFixture *fixture, const char *path, const char *interface, const char *member,
                                  sd_bus_message *arguments, sd_bus_message **ret_reply);
/* The text of the last error. */
const char *bus_fixture_error_text(void);

/* Sends a call in the name of @sender and does not wait; @replied counts up with the answer. */
void bus_fixture_call_async(BusFixture *fixture, const char *sender, const char *path, const char *interface,
                            const char *member, unsigned *replied, const char *types, ...);

/* The last signal of this name, NULL for none; rewound. */
sd_bus_message *bus_fixture_signal(BusFixture *fixture, const char *interface, const char *member);
unsigned bus_fixture_count_signals(BusFixture *fixture, const char *interface, const char *member);
/* Waits for one more than @n of them. */
void bus_fixture_wait_signals(BusFixture *fixture, const char *interface, const char *member, unsigned n);
void bus_fixture_forget_signals(BusFixture *fixture);
/* True if @text stands in any signal that was received, names and values. */
bool bus_fixture_signals_contain(BusFixture *fixture, const char *text);

/* What sd_bus_message_dump() makes of it; free(). */
char *bus_message_text(sd_bus_message *message);

/* One property as text: words and numbers as they are, true and false. free(). */
char *bus_fixture_property(BusFixture *fixture, const char *path, const char *interface, const char *property);

/* Fails unless a PropertiesChanged of this object was received for every property but the given ones; @constants
 * ends with NULL. */
void bus_fixture_assert_changed(BusFixture *fixture, const char *path, const char *interface,
                                const char *const *constants);

/* The caller leaves the bus. */
void bus_fixture_caller_leaves(BusFixture *fixture, const char *name);
