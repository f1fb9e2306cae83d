CREATE FUNCTION shop.customer_value(customer bigint) RETURNS numeric
LANGUAGE sql STABLE
AS $$ SELECT coalesce(sum(total), 0) FROM shop.order_totals WHERE customer_id = customer AND status <> 'cancelled' $$;

CREATE FUNCTION shop.note_price_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO shop.price_history (product_id, price) VALUES (NEW.id, NEW.price);
    RETURN NEW;
END
$$;
CREATE TRIGGER note_price_change AFTER INSERT OR UPDATE OF price ON shop.products
FOR EACH ROW EXECUTE FUNCTION shop.note_price_change();

CREATE FUNCTION shop.book_stock_move() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE shop.stock_levels SET quantity = quantity + NEW.change
    WHERE warehouse_id = NEW.warehouse_id AND product_id = NEW.product_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER book_stock_move AFTER INSERT ON shop.stock_moves
FOR EACH ROW EXECUTE FUNCTION shop.book_stock_move();
