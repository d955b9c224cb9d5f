/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications of the engine to the routes of its policy. An observer like record and bus: it decides nothing, and
 * nothing waits for it.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/engine/engine.h"
#include "src/message/notice-reader.h"

typedef struct Notice Notice;

/* Who keeps what has to survive this process: a value of at most 4 KiB for each key, "notice/…". Neither of the two
 * waits or fails for the caller, and both copy. Members may be NULL: nothing survives. */
typedef struct NoticeStore {
        void (*put)(void *userdata, const char *key, const void *value, size_t size_bytes);
        void (*remove)(void *userdata, const char *key);
        void *userdata;
} NoticeStore;

/* Before engine_start(). The engine is borrowed, and ends first. */
int notice_new(sd_event *event, Engine *engine, const NoticeStore *store, Notice **ret_notice);
Notice *notice_free(Notice *notice);
DEFINE_CLEANUP(Notice, notice_free)

/* A value that was kept for an earlier healerd. Returns 0; -ENOENT for a key that is none of ours; or another negative
 * errno (said in the log, and the key is removed). */
int notice_adopt(Notice *notice, const char *key, const void *value, size_t size_bytes);
/* All that there is was adopted, or nobody knows of any; again if more came later. Nothing is sent before. */
void notice_loaded(Notice *notice);

/* For the bus. */
NoticeReader notice_reader(Notice *notice);
