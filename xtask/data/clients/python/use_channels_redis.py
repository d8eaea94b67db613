"""channels_redis, by which Django's servers talk to each other: its layer of lists, and that of pub/sub."""
import asyncio
from cells import LIBRARY, PORT, expect, run
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

LAYER = RedisPubSubChannelLayer if "pub/sub" in LIBRARY else RedisChannelLayer


async def rooms():
    # Servers enough that their lists are on several servers of the proxy.
    servers = [LAYER(hosts=[("127.0.0.1", PORT)]) for _ in range(8)]
    channels = [await server.new_channel() for server in servers]
    for server, channel in zip(servers, channels):
        await server.group_add("room", channel)
    await servers[0].send(channels[1], {"type": "x", "n": 1})
    expect("to one", (await asyncio.wait_for(servers[1].receive(channels[1]), 5))["n"], 1)
    await servers[0].group_send("room", {"type": "x", "n": 2})
    for server, channel in zip(servers, channels):
        expect("to all", (await asyncio.wait_for(server.receive(channel), 5))["n"], 2)
    await servers[0].group_discard("room", channels[0])


run("channels-redis", {"rooms": rooms})
