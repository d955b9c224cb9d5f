/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-subscribe.h. Nothing here waits: a record that finds no room in our own queue is counted, like every signal.
 */
#include "src/bus/bus-subscribe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-history.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-signal.h"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"
#define PEER_INTERFACE "org.freedesktop.DBus.Peer"

/* A unique name; the bus gives none out twice. */
#define PEER_NAME_SIZE 256

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

struct BusSubscription {
        TAILQ_ENTRY(BusSubscription) link;
        BusContext *context;
        char peer[PEER_NAME_SIZE];
        uint32_t uid;
        char uuid[UUID_TEXT_SIZE];      /* of this file system alone; "": of all */
        size_t n_unanswered;            /* records since the last sign of life was asked for, or came */
        bool is_asked;
        uint64_t n_missed;              /* since the last one that was sent */
        sd_bus_slot *left_slot, *owner_slot, *ping_slot;
};

static BusSubscription *subscription_free(BusSubscription *subscription) {
        if (!subscription)
                return NULL;
        sd_bus_slot_unref(subscription->left_slot);
        sd_bus_slot_unref(subscription->owner_slot);
        sd_bus_slot_unref(subscription->ping_slot);
        free(subscription);
        return NULL;
}
DEFINE_CLEANUP(BusSubscription, subscription_free)

static void forget(BusSubscription *subscription) {
        BusContext *context = subscription->context;

        TAILQ_REMOVE(&context->subscriptions, subscription, link);
        context->n_subscriptions--;
        subscription_free(subscription);
        bus_manager_changed(context, BUS_MANAGER_SUBSCRIPTIONS);
}

static void cut_off(BusSubscription *subscription) {
        log_notice("A subscriber of user %" PRIu32 " (%s) does not read what it is sent and is cut off",
                   subscription->uid, subscription->peer);
        subscription->context->n_subscribers_cut++;
        forget(subscription);
}

void bus_subscribe_drop_all(BusContext *context) {
        BusSubscription *subscription;

        while ((subscription = TAILQ_FIRST(&context->subscriptions)))
                forget(subscription);
}

/* Signs of life */

static int on_answer(sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error) {
        BusSubscription *subscription = userdata;
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);

        /* Whoever says that it does not know what is asked has read it. */
        if (refusal && sd_bus_error_has_names(refusal, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                                              SD_BUS_ERROR_LIMITS_EXCEEDED)) {
                cut_off(subscription);
                return 0;
        }
        subscription->ping_slot = sd_bus_slot_unref(subscription->ping_slot);
        subscription->is_asked = false;
        subscription->n_unanswered = 0;
        return 0;
}

/* 0, or a negative errno: then it is asked again with the next record. */
static int ask_for_sign(BusSubscription *subscription) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        sd_bus *bus = subscription->context->bus;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, subscription->peer, BUS_PATH, PEER_INTERFACE, "Ping");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_call_async(bus, &subscription->ping_slot, call, on_answer, subscription,
                                      BUS_SUBSCRIPTION_ANSWER_USEC);
        subscription->is_asked = r >= 0;
        return r;
}

/* Records */

static int send_record(BusSubscription *subscription, const HistoryRow *row) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        BusContext *context = subscription->context;
        int r;

        r = sd_bus_message_new_signal(context->bus, &signal, BUS_PATH, BUS_INTERFACE_MANAGER, "Record");
        if (r >= 0)
                r = bus_history_append_row(signal, row, /* with_facts= */ false, subscription->n_missed);
        return r < 0 ? r : sd_bus_send_to(context->bus, signal, subscription->peer, NULL);
}

static bool is_wanted(const BusSubscription *subscription, const HistoryValues *values) {
        return !subscription->uuid[0] || text_equal(subscription->uuid, values->texts[HISTORY_UUID]);
}

static void tell(BusSubscription *subscription, const HistoryRow *row) {
        BusContext *context = subscription->context;
        int r;

        if (subscription->n_unanswered >= BUS_SUBSCRIPTION_UNREAD_RECORDS_MAX) {
                cut_off(subscription);
                return;
        }
        if (!bus_signal_has_room_below(context, BUS_RECORDS_QUEUED_MAX)) {
                subscription->n_missed++;
                return;
        }
        r = send_record(subscription, row);
        if (r < 0) {
                subscription->n_missed++;
                bus_signal_dropped(context, "Record", r);
                return;
        }
        subscription->n_missed = 0;
        if (++subscription->n_unanswered >= BUS_SUBSCRIPTION_ASK_RECORDS && !subscription->is_asked)
                (void) ask_for_sign(subscription);
}

static void on_row(void *userdata, const HistoryRow *row) {
        BusContext *context = userdata;
        BusSubscription *subscription, *next;
        HistoryValues values;

        if (TAILQ_EMPTY(&context->subscriptions))
                return;
        history_row_values(row, &values);
        for (subscription = TAILQ_FIRST(&context->subscriptions); subscription; subscription = next) {
                next = TAILQ_NEXT(subscription, link);
                if (is_wanted(subscription, &values))
                        tell(subscription, row);
        }
}

void bus_subscribe_init(BusContext *context) {
        if (context->history.listen)
                context->history.listen(context->history.userdata, on_row, context);
}

void bus_subscribe_done(BusContext *context) {
        if (context->history.listen)
                context->history.listen(context->history.userdata, NULL, NULL);
}

/* Subscribing */

static BusSubscription *find(const BusContext *context, const char *peer) {
        BusSubscription *subscription;

        TAILQ_FOREACH(subscription, &context->subscriptions, link)
                if (text_equal(subscription->peer, peer))
                        return subscription;
        return NULL;
}

static int on_left(_unused_ sd_bus_message *signal, void *userdata, _unused_ sd_bus_error *error) {
        forget(userdata);
        return 0;
}

/* It may have left before the watch was there. */
static int on_owner(sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error) {
        BusSubscription *subscription = userdata;

        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                forget(subscription);
        else
                subscription->owner_slot = sd_bus_slot_unref(subscription->owner_slot);
        return 0;
}

static int on_watched(sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error) {
        BusSubscription *subscription = userdata;

        if (!sd_bus_message_is_method_error(reply, NULL) &&
            sd_bus_call_method_async(subscription->context->bus, &subscription->owner_slot, DBUS_NAME, DBUS_PATH,
                                     DBUS_NAME, "GetNameOwner", on_owner, subscription, "s", subscription->peer) >= 0)
                return 0;

        /* Of whoever nobody tells that it left, it would stay for ever. */
        log_warning("A subscriber cannot be watched and is cut off");
        forget(subscription);
        return 0;
}

static int watch(BusSubscription *subscription) {
        char match[512];

        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH "',interface='" DBUS_NAME
                        "',member='NameOwnerChanged',arg0='%s',arg2=''", subscription->peer);
        return sd_bus_add_match_async(subscription->context->bus, &subscription->left_slot, match, on_left, on_watched,
                                      subscription);
}

static int check_room(const BusContext *context, uint32_t uid, sd_bus_error *error) {
        const BusSubscription *subscription;
        size_t n = 0;

        TAILQ_FOREACH(subscription, &context->subscriptions, link)
                n += subscription->uid == uid;
        if (context->n_subscriptions >= BUS_SUBSCRIPTIONS_MAX)
                return bus_error_set(error, -ENOBUFS, "There are %d subscriptions already", BUS_SUBSCRIPTIONS_MAX);
        if (n >= BUS_SUBSCRIPTIONS_PER_USER_MAX)
                return bus_error_set(error, -ENOBUFS, "User %" PRIu32 " has %d subscriptions already", uid,
                                     BUS_SUBSCRIPTIONS_PER_USER_MAX);
        return 0;
}

static int add(BusContext *context, const char *peer, uint32_t uid, BusSubscription **ret_subscription) {
        _cleanup_(subscription_free_at) BusSubscription *subscription = calloc(1, sizeof(*subscription));
        int r;

        if (!subscription)
                return -ENOMEM;
        subscription->context = context;
        subscription->uid = uid;
        r = text_copy(subscription->peer, sizeof(subscription->peer), peer);
        if (r >= 0)
                r = watch(subscription);
        if (r < 0)
                return r;
        TAILQ_INSERT_TAIL(&context->subscriptions, subscription, link);
        context->n_subscriptions++;
        *ret_subscription = steal_ptr(subscription);
        return 0;
}

static int read_filesystem(BusContext *context, const char *name, char uuid[static UUID_TEXT_SIZE],
                           sd_bus_error *error) {
        Filesystem *filesystem;
        int r;

        uuid[0] = '\0';
        if (!*name)
                return 0;
        r = filesystem_table_find_name(engine_filesystems(context->engine), name, &filesystem);
        if (r < 0)
                return bus_error_set(error, r, "There is no file system %s, or several have this UUID", name);
        if (filesystem->facts.uuid_state != FACT_KNOWN)
                return bus_error_set(error, -EOPNOTSUPP, "The file system %s has no UUID by which it is told", name);
        (void) uuid_format(filesystem->facts.uuid, uuid);
        return 0;
}

int bus_subscribe_on_subscribe(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *name = "", *peer = sd_bus_message_get_sender(message);
        const BusOption options[] = { { "filesystem", 's', &name, NULL } };
        char uuid[UUID_TEXT_SIZE];
        BusContext *context = userdata;
        BusSubscription *subscription;
        uint32_t uid;
        int r;

        r = bus_options_read(message, options, ELEMENTSOF(options), error);
        if (r >= 0)
                r = read_filesystem(context, name, uuid, error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (!context->history.listen)
                return bus_error_set(error, -ENOLINK, "This healerd keeps no history");

        subscription = find(context, peer);
        if (!subscription) {
                r = check_room(context, uid, error);
                if (r >= 0)
                        r = add(context, peer, uid, &subscription);
                if (r < 0)
                        return r;
        }
        (void) text_copy(subscription->uuid, sizeof(subscription->uuid), uuid);
        bus_manager_changed(context, BUS_MANAGER_SUBSCRIPTIONS);
        return sd_bus_reply_method_return(message, NULL);
}

int bus_subscribe_on_unsubscribe(sd_bus_message *message, void *userdata, _unused_ sd_bus_error *error) {
        BusSubscription *subscription = find(userdata, sd_bus_message_get_sender(message));

        if (subscription)
                forget(subscription);
        return sd_bus_reply_method_return(message, NULL);
}

int bus_subscribe_get(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
                      const char *property, sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error) {
        const BusContext *context = userdata;

        if (text_equal(property, "Subscribers"))
                return sd_bus_message_append(reply, "u", (uint32_t) context->n_subscriptions);
        return sd_bus_message_append(reply, "t", context->n_subscribers_cut);
}
