/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MESSAGE_ID values of our journal entries. Each has an entry in systemd/healerd.catalog; a test
 * keeps the two equal. Never reuse one for another meaning.
 */
#pragma once

#define MESSAGE_DAEMON_STARTED          "35c4b62e0eea4ca2abee7cc7bbc33797"
#define MESSAGE_MONITOR_OPENED          "97f6b91eaa93449fac7f5d24c18e1167"
#define MESSAGE_MONITOR_REFUSED         "81287341a85442acb643b5f0130c75a5"
#define MESSAGE_FILESYSTEM_EVENT        "b9cdfbff802049a6ab95c8b8b05f3f95"
#define MESSAGE_EVENTS_LOST             "e522cdfa06a94ebf97ae3870ce5ad2b4"
#define MESSAGE_DECISION                "e9e69f328665435fad6cae8abd34deb8"
#define MESSAGE_ACTION_STARTED          "6db27fcba80448dd8ab1f3d117fe4ea6"
#define MESSAGE_ACTION_SUCCEEDED        "e31d975d10e948cbbad5c122708b3a95"
#define MESSAGE_ACTION_FAILED           "3ccf1c47722a433db91ad292fd59f2db"
#define MESSAGE_ACTION_TIMED_OUT        "55194e85d08c4dc6b94cb4c7191f28bc"
#define MESSAGE_ACTION_REFUSED          "0cbfefc7f4d347e2ac9c3f3f7d665d25"
#define MESSAGE_WORKLOAD_WILL_FAIL      "56a11b5045c646fb9146e7c4c036996c"
#define MESSAGE_WORKLOAD_FAILED         "b4b76a5637ca4dc58c70bb7e177e2cbf"
#define MESSAGE_CONDITION_CHANGED       "6ca941b7c1034dcb8d4246e68e645efc"
#define MESSAGE_CONDITION_ACKNOWLEDGED  "9606dd5ec9e2477e85def6bb3b386dfb"
#define MESSAGE_PAUSE_CHANGED           "5d0c2f7b9a6e4c1f8e33b1d47a90c6e2"
#define MESSAGE_SILENCE_CHANGED         "e0b4c95d1f2a4a768f6b0d3c5e91a274"
#define MESSAGE_POLICY_LOADED           "2786e2e61b0f4d4486fcfe70da9ef446"
#define MESSAGE_POLICY_REJECTED         "92a001a372ce499fa640140766e76f4b"
#define MESSAGE_AUTHORIZATION           "6ba36d8d5a3a4c318d0fba7fd5725b6e"
#define MESSAGE_OFFLINE_REPAIR_NEEDED   "c6c900b122ca48f09a5ae3ed102b8b28"
#define MESSAGE_WORKER_LOST             "a5993fc95ced4a8bb90bd7ab70d7f19f"
#define MESSAGE_UNIT_TAKEN              "85e123aaa50c4648b72157f54e180442"
#define MESSAGE_UNIT_HELD               "4006a2223e9146c4a7c531d0ea7eefe6"
#define MESSAGE_WORKLOAD_SPARED         "bf1543186a8f428a9467c746254d6952"
