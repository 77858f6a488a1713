"""Operations of a broker, by Python's pika. Usage: amqp-load.py PORT (mixed | confirmed | busy)

mixed does a bit of everything, confirmed publishes many messages at once that are confirmed, busy publishes and gets without end.
Prints what it has done as JSON, by the names of methods.
"""
import collections
import json
import sys

import pika

port, what = int(sys.argv[1]), sys.argv[2]
done = collections.Counter()
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
done["connection.open"] += 1


def open_channel():
    done["channel.open"] += 1
    return connection.channel()


def declare(channel, queue):
    done["queue.declare"] += 1
    channel.queue_declare(queue)


def publish(channel, queue, body, **options):
    done["basic.publish"] += 1
    channel.basic_publish("", queue, body, **options)


def get(channel, queue):
    done["basic.get"] += 1
    method, _, body = channel.basic_get(queue)
    if method is not None:
        done["basic.ack"] += 1
        channel.basic_ack(method.delivery_tag)
    return body


def mixed():
    channels = [open_channel() for _ in range(4)]
    for number, channel in enumerate(channels):
        declare(channel, f"mixed{number}")
    channels[3].confirm_delivery()
    done["confirm.select"] += 1
    # Up to several frames, and none at all.
    sizes = [0, 1, 100, 5000, 131064, 131065, 400000]
    for round in range(40):
        for number, channel in enumerate(channels):
            publish(channel, f"mixed{number}", b"\xce" * sizes[(round + number) % len(sizes)])
    try:
        publish(channels[3], "nowhere", b"lost", mandatory=True)
    except pika.exceptions.UnroutableError:
        done["basic.return"] += 1
    while get(channels[0], "mixed0") is not None:
        pass
    for number, channel in enumerate(channels[1:], 1):
        done["basic.consume"] += 1
        for method, _, body in channel.consume(f"mixed{number}"):
            done["basic.deliver"] += 1
            done["basic.ack"] += 1
            channel.basic_ack(method.delivery_tag)
            if done["basic.deliver"] == 40 * number:
                break
        channel.cancel()
        done["basic.cancel"] += 1
    channels[1].exchange_declare("mixed", "fanout")
    channels[1].queue_bind("mixed1", "mixed")
    channels[1].queue_purge("mixed1")
    channels[1].tx_select()
    channels[1].tx_commit()
    channels[1].basic_qos(prefetch_count=3)
    for name in ["exchange.declare", "queue.bind", "queue.purge", "tx.select", "tx.commit", "basic.qos"]:
        done[name] += 1
    for number in range(4):
        done["queue.delete"] += 1
        channels[1].queue_delete(f"mixed{number}")
    for failing in [lambda channel: channel.queue_declare("nosuch", passive=True)] * 3:
        try:
            failing(open_channel())
        except pika.exceptions.ChannelClosedByBroker:
            done["queue.declare"] += 1


def confirmed():
    """The blocking channel waits for each confirmation; the one beneath it does not."""
    channel = open_channel()
    declare(channel, "confirmed")
    waiting = set()

    def confirm(frame):
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        waiting.difference_update([each for each in waiting if each <= tag] if multiple else [tag])

    channel._impl.confirm_delivery(confirm)
    done["confirm.select"] += 1
    for number in range(1, 3001):
        waiting.add(number)
        done["basic.publish"] += 1
        channel._impl.basic_publish("", "confirmed", b"x" * (number % 300))
        if number % 500 == 0:
            connection.process_data_events(0)
    while waiting:
        connection.process_data_events(0.1)
    done["queue.delete"] += 1
    channel.queue_delete("confirmed")


def busy():
    channels = [open_channel() for _ in range(3)]
    for number, channel in enumerate(channels):
        channel.queue_declare(f"busy{number}")
    while True:
        for number, channel in enumerate(channels):
            publish(channel, f"busy{number}", b"x" * 300)
            get(channel, f"busy{number}")


{"mixed": mixed, "confirmed": confirmed, "busy": busy}[what]()
open_channels = [channel for channel in connection._impl._channels.values() if channel.is_open]
done["channel.close"] += len(open_channels)
connection.close()
done["connection.close"] += 1
print(json.dumps(done))
