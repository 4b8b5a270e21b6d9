def test_it_works(make_moment):
    assert make_moment("1969-07-20T20:17:40Z").pk
