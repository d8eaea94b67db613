// -lhiredis
// hiredis.
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "cells.h"

static redisContext *open_context(void) {
    struct timeval patience = {10, 0};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", port, patience);
    redisSetTimeout(context, patience);
    return context;
}

// A reply as text, in memory that the next call with this slot takes.
static const char *text(redisReply *reply, int slot) {
    static char texts[4][400];
    char *out = texts[slot];
    if (!reply) return strcpy(out, "no reply");
    if (reply->type == REDIS_REPLY_INTEGER) sprintf(out, "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_NIL) strcpy(out, "nil");
    else if (reply->type == REDIS_REPLY_ARRAY) {
        *out = 0;
        for (size_t at = 0; at < reply->elements && strlen(out) < 300; at++) {
            strncat(out, text(reply->element[at], 3), 90);
            strcat(out, " ");
        }
    } else snprintf(out, 300, "%s", reply->str);
    return out;
}

#define ASK(context, wanted, ...)                                                       \
    do {                                                                                \
        redisReply *answer = redisCommand(context, __VA_ARGS__);                         \
        EXPECT(!strcmp(text(answer, 0), wanted), "%s: '%s' instead of '%s' %s", #__VA_ARGS__, text(answer, 0), wanted, (context)->errstr); \
        if (answer) freeReplyObject(answer);                                              \
    } while (0)

static const char *connects(void) {
    redisContext *c = open_context();
    EXPECT(!c->err, "%s", c->errstr);
    ASK(c, "PONG", "PING");
    redisFree(c);
    return NULL;
}

static const char *get_set(void) {
    redisContext *c = open_context();
    ASK(c, "nil", "GET absent");
    for (int n = 0; n < 100; n++) {
        char value[20];
        sprintf(value, "v%d", n);
        ASK(c, "OK", "SET k%d %s", n, value);
        ASK(c, value, "GET k%d", n);
    }
    ASK(c, "OK", "SET %b %b", "a\0b", (size_t)3, "c\r\nd", (size_t)4);
    ASK(c, "c\r\nd", "GET %b", "a\0b", (size_t)3);
    redisFree(c);
    return NULL;
}

static const char *many_keys(void) {
    redisContext *c = open_context();
    ASK(c, "OK", "MSET many1 1 many2 2 many3 3 many4 4 many5 5 many6 6");
    ASK(c, "1 2 3 4 5 6 nil ", "MGET many1 many2 many3 many4 many5 many6 absent");
    ASK(c, "6", "DEL many1 many2 many3 many4 many5 many6");
    redisFree(c);
    return NULL;
}

static const char *pipeline(void) {
    redisContext *c = open_context();
    for (int n = 0; n < 500; n++) {
        redisAppendCommand(c, "SET p%d %d", n, n);
        redisAppendCommand(c, "GET p%d", n);
    }
    for (int n = 0; n < 1000; n++) {
        redisReply *reply;
        EXPECT(redisGetReply(c, (void **)&reply) == REDIS_OK, "%s", c->errstr);
        EXPECT(n % 2 == 0 || atoi(reply->str) == n / 2, "answer %d: %s", n, text(reply, 0));
        freeReplyObject(reply);
    }
    redisFree(c);
    return NULL;
}

static const char *transaction(void) {
    redisContext *c = open_context(), *other = open_context();
    ASK(c, "OK", "MULTI");
    ASK(c, "QUEUED", "SET {t}a 1");
    ASK(c, "QUEUED", "INCR {t}b");
    ASK(c, "OK 1 ", "EXEC");
    ASK(c, "OK", "WATCH {t}a");
    ASK(other, "OK", "SET {t}a 3");
    ASK(c, "OK", "MULTI");
    ASK(c, "QUEUED", "SET {t}a 4");
    ASK(c, "nil", "EXEC");
    ASK(c, "3", "GET {t}a");
    redisFree(c);
    redisFree(other);
    return NULL;
}

static const char *pubsub(void) {
    redisContext *c = open_context(), *other = open_context();
    redisReply *reply;
    ASK(c, "subscribe news 1 ", "SUBSCRIBE news");
    ASK(c, "psubscribe pattern.* 2 ", "PSUBSCRIBE pattern.*");
    freeReplyObject(redisCommand(other, "PUBLISH news a"));
    EXPECT(redisGetReply(c, (void **)&reply) == REDIS_OK, "%s", c->errstr);
    EXPECT(!strcmp(text(reply, 0), "message news a "), "a message: %s", text(reply, 0));
    freeReplyObject(redisCommand(other, "PUBLISH pattern.1 b"));
    EXPECT(redisGetReply(c, (void **)&reply) == REDIS_OK, "%s", c->errstr);
    EXPECT(!strcmp(text(reply, 0), "pmessage pattern.* pattern.1 b "), "a message: %s", text(reply, 0));
    ASK(c, "unsubscribe news 1 ", "UNSUBSCRIBE news");
    redisFree(c);
    redisFree(other);
    return NULL;
}

static const char *scan(void) {
    redisContext *c = open_context();
    static char seen[2000];
    char cursor[40] = "0";
    int count = 0;
    for (int n = 0; n < 2000; n++) ASK(c, "OK", "SET scan:%d %d", n, n);
    do {
        redisReply *reply = redisCommand(c, "SCAN %s MATCH scan:* COUNT 300", cursor);
        EXPECT(reply && reply->type == REDIS_REPLY_ARRAY, "SCAN: %s", text(reply, 0));
        strcpy(cursor, reply->element[0]->str);
        for (size_t at = 0; at < reply->element[1]->elements; at++) {
            int n = atoi(reply->element[1]->element[at]->str + 5);
            count += !seen[n];
            seen[n] = 1;
        }
        freeReplyObject(reply);
    } while (strcmp(cursor, "0"));
    EXPECT(count == 2000, "%d keys seen", count);
    redisFree(c);
    return NULL;
}

static const char *blocking(void) {
    redisContext *c = open_context();
    ASK(c, "nil", "BLPOP queue 1");
    pid_t child = fork();
    if (!child) {
        usleep(200000);
        redisCommand(open_context(), "RPUSH queue job");
        _exit(0);
    }
    ASK(c, "queue job ", "BLPOP queue 5");
    waitpid(child, NULL, 0);
    redisFree(c);
    return NULL;
}

static const char *script(void) {
    redisContext *c = open_context();
    const char *code = "return redis.call('INCR', KEYS[1])";
    for (int n = 0; n < 30; n++) ASK(c, "1", "EVAL %s 1 script%d", code, n);
    redisReply *reply = redisCommand(c, "SCRIPT LOAD %s", code);
    EXPECT(reply && reply->type == REDIS_REPLY_STRING, "SCRIPT LOAD: %s", text(reply, 0));
    for (int n = 0; n < 30; n++) ASK(c, "2", "EVALSHA %s 1 script%d", reply->str, n);
    freeReplyObject(reply);
    redisFree(c);
    return NULL;
}

static const char *databases(void) {
    redisContext *one = open_context(), *zero = open_context();
    ASK(one, "OK", "SELECT 1");
    ASK(one, "OK", "SET where 1");
    ASK(one, "1", "GET where");
    ASK(zero, "nil", "GET where");
    redisFree(one);
    redisFree(zero);
    return NULL;
}

static const char *closes(void) {
    redisContext *c = open_context();
    ASK(c, "OK", "QUIT");
    EXPECT(!redisCommand(c, "PING"), "PING after QUIT was answered");
    redisFree(c);
    return NULL;
}

static const struct cell CELLS[] = {
    {"connect", connects},   {"get-set", get_set}, {"many-keys", many_keys}, {"pipeline", pipeline},
    {"transaction", transaction}, {"pubsub", pubsub}, {"scan", scan}, {"blocking", blocking},
    {"script", script}, {"databases", databases}, {"close", closes}, {NULL, NULL},
};

int main(int count, char **words) {
    char version[40];
    sprintf(version, "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    return run(count, words, version, CELLS);
}
