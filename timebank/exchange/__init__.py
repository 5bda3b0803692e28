"""兑换: offers of members, teams, organisations and branches, and the orders by which coins are spent on them.

Promises: requesting holds the coins, fulfilling moves them or a part of them, every other end gives them back; a hold
ends exactly once; stock never goes below zero, no hour of a room is booked beyond its capacity; only an agreed time
counts; nothing is ever charged in money.
Owns: offer with its shares, photos and closed days, need, exchange_order with booked_slot and order_proposal,
order_correction, rating.
Refuses: one's own offer, another branch's, closed offers, more than the limit, the stock or the coins; a second end;
anything while a case about the order is open.
Words: offer 可兑服务 · goods 物品 · order 兑换单 · fulfil 核销 · voucher 兑换券 · rating 评价.
"""
