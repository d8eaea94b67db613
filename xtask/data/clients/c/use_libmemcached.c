// -lmemcached
// libmemcached.
#include <libmemcached/memcached.h>

#include "cells.h"

static memcached_st *open_client(void) {
    memcached_st *c = memcached_create(NULL);
    memcached_server_add(c, "127.0.0.1", port);
    return c;
}

#define WENT(c, call)                                                            \
    do {                                                                         \
        memcached_return_t went = call;                                          \
        EXPECT(went == MEMCACHED_SUCCESS, "%s: %s", #call, memcached_strerror(c, went)); \
    } while (0)

#define SET(c, key, value) WENT(c, memcached_set(c, key, strlen(key), value, strlen(value), 0, 0))

#define GET(c, key, wanted)                                                                      \
    do {                                                                                         \
        size_t length;                                                                           \
        uint32_t flags;                                                                          \
        memcached_return_t went;                                                                 \
        char *value = memcached_get(c, key, strlen(key), &length, &flags, &went);                \
        EXPECT(value ? wanted && !strcmp(value, wanted) : !wanted, "get %s: %s (%s)", key,       \
               value ? value : "nothing", memcached_strerror(c, went));                          \
        free(value);                                                                             \
    } while (0)

static const char *NOTHING = NULL;

static const char *connects(void) {
    memcached_st *c = open_client();
    WENT(c, memcached_version(c));
    memcached_free(c);
    return NULL;
}

static const char *get_set(void) {
    memcached_st *c = open_client();
    GET(c, "absent", NOTHING);
    for (int n = 0; n < 100; n++) {
        char key[20], value[20];
        sprintf(key, "k%d", n);
        sprintf(value, "v%d", n);
        SET(c, key, value);
        GET(c, key, value);
    }
    EXPECT(memcached_add(c, "k1", 2, "x", 1, 0, 0) == MEMCACHED_NOTSTORED, "add of what is there");
    WENT(c, memcached_replace(c, "k1", 2, "x", 1, 0, 0));
    WENT(c, memcached_append(c, "k1", 2, "y", 1, 0, 0));
    WENT(c, memcached_prepend(c, "k1", 2, "w", 1, 0, 0));
    GET(c, "k1", "wxy");
    WENT(c, memcached_delete(c, "k1", 2, 0));
    memcached_behavior_set(c, MEMCACHED_BEHAVIOR_NOREPLY, 1);
    memcached_set(c, "quiet", 5, "1", 1, 0, 0);
    memcached_behavior_set(c, MEMCACHED_BEHAVIOR_NOREPLY, 0);
    GET(c, "quiet", "1");
    memcached_free(c);
    return NULL;
}

static const char *many_keys(void) {
    memcached_st *c = open_client();
    static char names[100][20];
    const char *keys[100];
    size_t lengths[100];
    for (int n = 0; n < 100; n++) {
        lengths[n] = sprintf(names[n], "many%d", n);
        keys[n] = names[n];
        SET(c, names[n], names[n]);
    }
    WENT(c, memcached_mget(c, keys, lengths, 100));
    int count = 0;
    memcached_return_t went;
    memcached_result_st *result;
    while ((result = memcached_fetch_result(c, NULL, &went))) {
        size_t length = memcached_result_length(result);
        EXPECT(length == memcached_result_key_length(result) &&
                   !memcmp(memcached_result_value(result), memcached_result_key_value(result), length),
               "a value that is not its key's");
        memcached_result_free(result);
        count++;
    }
    EXPECT(count == 100, "%d values", count);
    memcached_free(c);
    return NULL;
}

static const char *cas(void) {
    memcached_st *c = open_client();
    const char *key = "cas";
    size_t length = 3;
    memcached_return_t went;
    memcached_behavior_set(c, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
    SET(c, key, "1");
    WENT(c, memcached_mget(c, &key, &length, 1));
    memcached_result_st *result = memcached_fetch_result(c, NULL, &went);
    EXPECT(result, "gets: %s", memcached_strerror(c, went));
    uint64_t token = memcached_result_cas(result);
    memcached_result_free(result);
    while ((result = memcached_fetch_result(c, NULL, &went))) memcached_result_free(result);
    WENT(c, memcached_cas(c, key, length, "2", 1, 0, 0, token));
    EXPECT(memcached_cas(c, key, length, "3", 1, 0, 0, token) == MEMCACHED_DATA_EXISTS, "cas with an old token");
    memcached_free(c);
    return NULL;
}

static const char *incr(void) {
    memcached_st *c = open_client();
    uint64_t value;
    SET(c, "count", "9");
    WENT(c, memcached_increment(c, "count", 5, 2, &value));
    EXPECT(value == 11, "incr: %d", (int)value);
    WENT(c, memcached_decrement(c, "count", 5, 20, &value));
    EXPECT(value == 0, "decr: %d", (int)value);
    memcached_free(c);
    return NULL;
}

static const char *touch(void) {
    memcached_st *c = open_client();
    SET(c, "touched", "1");
    WENT(c, memcached_touch(c, "touched", 7, 100));
    memcached_free(c);
    return NULL;
}

static const char *stats(void) {
    memcached_st *c = open_client();
    memcached_return_t went;
    memcached_stat_st *found = memcached_stat(c, NULL, &went);
    EXPECT(found && went == MEMCACHED_SUCCESS, "stats: %s", memcached_strerror(c, went));
    memcached_stat_free(c, found);
    memcached_free(c);
    return NULL;
}

static const char *flush(void) {
    memcached_st *c = open_client();
    SET(c, "kept", "1");
    EXPECT((memcached_flush(c, 0) == MEMCACHED_SUCCESS) == is_control, "flush");
    GET(c, "kept", (is_control ? NOTHING : "1"));
    memcached_free(c);
    return NULL;
}

static const char *closes(void) {
    memcached_st *c = open_client();
    SET(c, "a", "1");
    memcached_quit(c);
    GET(c, "a", "1");
    memcached_free(c);
    return NULL;
}

static const struct cell CELLS[] = {
    {"connect", connects}, {"get-set", get_set}, {"many-keys", many_keys}, {"cas", cas}, {"incr", incr},
    {"touch", touch}, {"stats", stats}, {"flush", flush}, {"close", closes}, {NULL, NULL},
};

int main(int count, char **words) { return run(count, words, memcached_lib_version(), CELLS); }
