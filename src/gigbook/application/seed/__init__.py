"""`python -m gigbook seed`: a believable city in an empty database, the same one for the same seed.

`words` has what names are made of, `city` decides who lives there and plays where, `filling` carries it out.
"""
